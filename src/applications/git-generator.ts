import { couldNot, type Place } from '../report/failure.ts';
import { isMap, newMap, type PlainMap } from '../yaml/data.ts';
import { BadPattern, gitPathspec, matchesGoPath } from './glob.ts';
import { goText, normalizedName } from './go-value.ts';
import { readGoYaml } from './go-yaml.ts';
import { flattenParams } from './label-selector.ts';
import type { RepositoryListing } from './repository-listing.ts';

interface GitItem {
  readonly path: string;
  readonly exclude: boolean;
}

/** Which form parameters have. */
interface ParamForm {
  readonly isGo: boolean;
  /** `pathParamPrefix`, or nothing. */
  readonly prefix: string;
}

/** Parameters of the folders that a git directory generator means (argo-cd, generators/git.go). */
export const gitDirectoryParams = (
  folders: readonly string[],
  items: readonly GitItem[],
  form: ParamForm,
): PlainMap[] =>
  folders
    .filter((folder) => {
      const matching = items.filter(({ path }) => matchesGoPath(path, folder));
      return matching.length > 0 && !matching.some(({ exclude }) => exclude);
    })
    .map((folder) => pathParams(newMap(), folder, undefined, form));

/**
 * Parameters of the files that a git file generator means: one set a file, or one for each map of its list.
 *
 * @param at the generator, for messages
 * @throws Failure (exit 2) for a file that Argo CD cannot read either, and for what we do not read (symbolic links)
 */
export async function gitFileParams(
  listing: RepositoryListing,
  items: readonly GitItem[],
  form: ParamForm,
  at: Place,
): Promise<PlainMap[]> {
  const all = await listing.files();
  const matching = (exclude: boolean): Set<string> => {
    const patterns = items.filter((item) => item.exclude === exclude).map(({ path }) => specOf(path, at));
    return new Set(all.filter((file) => patterns.some((matches) => matches(file))));
  };
  const excluded = matching(true);
  const files = [...matching(false)].filter((file) => !excluded.has(file));
  const objects = await Promise.all(files.map(async (file) => ({ file, maps: await mapsOf(listing, file) })));
  return objects.flatMap(({ file, maps }) =>
    maps.map((map) => {
      const folder = file.includes('/') ? file.slice(0, file.lastIndexOf('/')) : '.';
      return pathParams(form.isGo ? Object.assign(newMap(), map) : flatTexts(map), folder, file, form);
    }),
  );
}

function specOf(pattern: string, at: Place): (file: string) => boolean {
  try {
    return gitPathspec(pattern);
  } catch (error) {
    if (!(error instanceof BadPattern)) throw error;
    throw couldNot(`The pattern ${JSON.stringify(pattern)} is not understood: ${error.message}.`, {
      at,
      todo: 'Write it with *, ? and [ ] only.',
      reason: 'not-rendered',
    });
  }
}

/** What a listing's files hold, so that several generators over them read each once. */
const parsed = new WeakMap<RepositoryListing, Map<string, Promise<readonly PlainMap[]>>>();

function mapsOf(listing: RepositoryListing, file: string): Promise<readonly PlainMap[]> {
  const known = parsed.get(listing) ?? new Map<string, Promise<readonly PlainMap[]>>();
  parsed.set(listing, known);
  const maps = known.get(file) ?? readMaps(listing, file);
  known.set(file, maps);
  return maps;
}

async function readMaps(listing: RepositoryListing, file: string): Promise<readonly PlainMap[]> {
  const value = readGoYaml((await listing.read(file)) ?? '', file);
  // An empty file is an empty map; so is null in a list.
  const maps = Array.isArray(value) ? value.map((item: unknown) => item ?? newMap()) : [value ?? newMap()];
  if (!maps.every(isMap)) {
    throw couldNot('A git file generator reads this file: it must be a map, or a list of maps.', {
      at: { file, line: 1 },
      todo: 'Correct it: Argo CD makes nothing of the ApplicationSet as it is.',
      reason: 'bad-application-set',
    });
  }
  return maps as PlainMap[];
}

function flatTexts(map: PlainMap): PlainMap {
  const params = newMap();
  for (const [key, value] of Object.entries(flattenParams(map))) params[key] = goText(value);
  return params;
}

/** Adds what a path says. */
function pathParams(
  params: PlainMap,
  folder: string,
  file: string | undefined,
  { isGo, prefix }: ParamForm,
): PlainMap {
  const basename = folder.slice(folder.lastIndexOf('/') + 1);
  const filename = file?.slice(file.lastIndexOf('/') + 1);
  const segments = folder.split('/');
  if (isGo) {
    const path = Object.assign(newMap(), {
      path: folder,
      basename,
      basenameNormalized: normalizedName(basename),
      segments,
      ...(filename === undefined ? {} : { filename, filenameNormalized: normalizedName(filename) }),
    });
    params[prefix === '' ? 'path' : prefix] = prefix === '' ? path : Object.assign(newMap(), { path });
    return params;
  }
  const name = prefix === '' ? 'path' : `${prefix}.path`;
  params[name] = folder;
  params[`${name}.basename`] = basename;
  params[`${name}.basenameNormalized`] = normalizedName(basename);
  if (filename !== undefined) {
    params[`${name}.filename`] = filename;
    params[`${name}.filenameNormalized`] = normalizedName(filename);
  }
  for (const [index, segment] of segments.entries()) params[`${name}[${index}]`] = segment;
  return params;
}
