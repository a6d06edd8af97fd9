/** The parts of our package.json that these functions read. Everything else is passed on. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly files: readonly string[];
  readonly [key: string]: unknown;
}

/** What only somebody who works on the suite needs. The code that dependencies bring is in dist/. */
const forDevelopment = ['dependencies', 'devDependencies', 'scripts', 'overrides', 'allowScripts', 'private'];

/**
 * The package.json that npm gets: this version, nothing to install, and the oldest Node that runs dist/
 * (the code is bundled but not translated to older JavaScript).
 */
export function publishedManifest(manifest: Manifest, version: string): Manifest {
  const kept = Object.entries(manifest).filter(([key]) => !forDevelopment.includes(key));
  return { ...(Object.fromEntries(kept) as Manifest), version, engines: { node: '>=24' } };
}

/** A manifest as it stands in a file. */
export const manifestText = (manifest: Manifest): string => `${JSON.stringify(manifest, undefined, 2)}\n`;
