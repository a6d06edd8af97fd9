import { DUMP_SCHEMA, dump, intYaml11Tag } from 'js-yaml';
import { GENERATED_NAME } from '../kubernetes/manifests.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';
import type { RenderedApplication } from './application.ts';
import { clusterName } from './run-render.ts';

/** Large integers are printed as all others. */
const SCHEMA = DUMP_SCHEMA.withTags(
  DUMP_SCHEMA.tags.map((tag) =>
    tag.tagName === intYaml11Tag.tagName
      ? { ...tag, identify: (value: unknown) => typeof value === 'bigint' || tag.identify(value) }
      : tag,
  ),
);

/** The objects of an application as a stream of YAML documents, each with a comment that says whose it is. */
export function renderedYaml({ application, objects }: RenderedApplication): string {
  const of = `application ${application.name}, cluster ${clusterName(application)}`;
  return objects
    .map(({ object, file }) => {
      const head = oneLine(file === undefined ? of : `${of}, from ${file}`);
      return `---\n# ${head}\n${dump(withoutMadeName(object), { schema: SCHEMA, lineWidth: -1, noRefs: true })}`;
    })
    .join('');
}

/** A comment ends with its line, also where a name that somebody chose does not. */
const oneLine = (text: string): string => text.replaceAll(/[\p{C}\u2028\u2029]/gu, '?');

/** The name that the API server will make up is not in what Argo CD hands it. */
function withoutMadeName(object: KubernetesObject): object {
  const { name, generateName, ...others } = object.metadata;
  return name === `${String(generateName)}${GENERATED_NAME}`
    ? { ...object, metadata: { generateName, ...others } }
    : object;
}

/**
 * The files of a folder of rendered applications, by path: `<cluster>/<application>.yaml`. Those that are not rendered whole
 * have none: half of an application looks like one that lost the other half.
 */
export function renderedFiles(applications: readonly RenderedApplication[]): Map<string, string> {
  const files = new Map<string, string>();
  for (const rendered of applications.filter(({ notRendered }) => notRendered.length === 0)) {
    const { name, namespace } = rendered.application;
    const folder = fileName(clusterName(rendered.application));
    const short = `${folder}/${fileName(name)}.yaml`;
    // Argo CD's applications may be called alike in several namespaces.
    const file = files.has(short) ? `${folder}/${fileName(namespace)}.${fileName(name)}.yaml` : short;
    files.set(file, `${files.get(file) ?? ''}${renderedYaml(rendered)}`);
  }
  return files;
}

/** Names of clusters may be URLs. What a file may not be called is written as `%2f`, which no name of Kubernetes holds. */
const fileName = (name: string): string =>
  name
    .replaceAll(/[^A-Za-z0-9._-]/gu, (sign) => `%${Buffer.from(sign).toString('hex')}`)
    .replace(/^\.+/, (dots) => '%2e'.repeat(dots.length))
    .slice(0, 200) || 'none';
