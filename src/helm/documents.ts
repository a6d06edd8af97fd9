import { parseManifests } from '../kubernetes/manifests.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';

/** An object that helm rendered, and from which file. */
export interface HelmObject {
  readonly object: KubernetesObject;
  /** Relative to the chart's folder: `templates/web.yaml`, `charts/redis/templates/svc.yaml`, `crds/a.yaml`. */
  readonly template?: string;
}

/**
 * Where a document begins that names its template. In YAML `---` in the first column is never part of a value, so no value
 * can look like this.
 */
const START = /^---[ \t]*\r?\n# Source: ([^\n]*?)[ \t]*\r?$/gm;

/** What documents were read as, by their text. Objects are never changed, so many may share them. */
export type KnownDocuments = Map<string, readonly HelmObject[]>;

/**
 * Reads what `helm template` prints, template by template.
 *
 * @param chart how messages call the chart
 * @param known documents that stand here are not read again, others are added
 * @throws Failure (exit 2, `bad-manifest`) that names the template; lines are those of what it rendered
 */
export function helmObjects(text: string, chart: string, known?: KnownDocuments): HelmObject[] {
  const starts = [...text.matchAll(START)];
  const first = text.slice(0, starts[0]?.index ?? text.length);
  return [
    ...parseManifests(first, chart).map((object) => ({ object })),
    ...starts.flatMap((start, index) => {
      const document = text.slice(start.index, starts[index + 1]?.index ?? text.length);
      const read = known?.get(document);
      if (read !== undefined) {
        return read;
      }
      // The first part is the chart's name.
      const template = (start[1] ?? '').split('/').slice(1).join('/');
      const objects = parseManifests(document, `${chart}/${template}`).map((object) => ({
        object,
        template,
      }));
      known?.set(document, objects);
      return objects;
    }),
  ];
}
