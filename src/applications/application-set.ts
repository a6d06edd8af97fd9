import { couldNot, Failure, type Place } from '../report/failure.ts';
import { isMap, newMap, type PlainMap } from '../yaml/data.ts';
import type { YamlPath } from '../yaml/path.ts';
import { TemplateMistake } from './fast-template.ts';
import { fillAll, type TemplateLanguage } from './fill-templates.ts';
import { type ArgoCluster, evaluateGenerator, type Generated, wrong } from './generators.ts';
import type { TemplateEvaluator } from './go-template.ts';
import { readGoYaml } from './go-yaml.ts';
import { fillEmpty } from './merge-params.ts';
import { ARGOCD_NAMESPACE } from './read-application.ts';
import type { RepositoryListing } from './repository-listing.ts';
import type { ThisRepository } from './repository-url.ts';
import { applyTemplatePatch, PatchMistake } from './template-patch.ts';

/** An ApplicationSet as it stands in a file. */
export interface ApplicationSetManifest {
  readonly name: string;
  readonly value: Readonly<Record<string, unknown>>;
  readonly at: Place;
  /** Its text, for finding the line of a template. */
  readonly text: string;
  readonly placeOf: (path: YamlPath) => Place;
}

/** What evaluating an ApplicationSet looks at and runs. */
export interface ApplicationSetWorld {
  readonly listing: RepositoryListing;
  readonly here: ThisRepository;
  readonly clusters: readonly ArgoCluster[] | undefined;
  readonly evaluate: TemplateEvaluator;
}

/** The Applications that a set makes, as manifests, and what of it could not be evaluated. */
export interface MadeApplications {
  readonly manifests: readonly PlainMap[];
  readonly failures: readonly Failure[];
}

/** The one by which what an Application made is deleted with it; also followed by `/foreground` or `/background`. */
const RESOURCES_FINALIZER = 'resources-finalizer.argocd.argoproj.io';

/** Whether what an Application made is deleted with it. */
export const deletesWhatItMade = (finalizers: readonly string[]): boolean =>
  finalizers.some((name) => name === RESOURCES_FINALIZER || name.startsWith(`${RESOURCES_FINALIZER}/`));

/**
 * What a set decides about the end of the Applications that it makes: without finalizers of their own they get the one that deletes
 * what they made, unless `preserveResourcesOnDeletion` (applicationset/utils, `RenderTemplateParams`); and some are never deleted
 * (`ApplicationsSyncPolicy.AllowDelete`).
 */
export function endOfApplications(set: Readonly<Record<string, unknown>>): {
  readonly finalizers: readonly string[];
  readonly isNeverDeleted: boolean;
} {
  const policy = isMap(set.spec) && isMap(set.spec.syncPolicy) ? set.spec.syncPolicy : {};
  return {
    finalizers: policy.preserveResourcesOnDeletion === true ? [] : [RESOURCES_FINALIZER],
    isNeverDeleted: policy.applicationsSync === 'create-only' || policy.applicationsSync === 'create-update',
  };
}

/**
 * Makes the Applications of an ApplicationSet, as Argo CD's controller does (argo-cd, applicationset/controllers/template
 * `GenerateApplications`, and `validateGeneratedApplications`). A mistake anywhere means no Application at all; a name that occurs
 * twice means none of that name; a generator that asks a service (`not-rendered`) leaves the others as they are.
 *
 * @throws never a Failure: they are in the result
 */
export async function applicationsOfSet(
  set: ApplicationSetManifest,
  { listing, here, clusters, evaluate }: ApplicationSetWorld,
): Promise<MadeApplications> {
  try {
    const { spec, language } = readSpec(set, evaluate);
    const namesClusterMetadata = /metadata\.(?:labels|annotations)/.test(JSON.stringify(spec));
    const world = { listing, here, clusters, language, namesClusterMetadata, placeOf: set.placeOf };
    const made: Generated[] = [];
    const failures: Failure[] = [];
    for (const [index, entry] of (spec.generators as readonly unknown[]).entries()) {
      try {
        made.push(...(await evaluateGenerator(entry, ['spec', 'generators', index], world)));
      } catch (error) {
        if (!(error instanceof Failure && error.reason === 'not-rendered')) throw error;
        failures.push(error);
      }
    }
    const manifests = await manifestsOf(set, spec, made, language);
    const { unique, twice } = byName(manifests);
    const duplicates = twice.map((name) =>
      couldNot(`ApplicationSet/${set.name} makes two Applications with the name ${name}.`, {
        at: set.placeOf(['spec', 'template', 'metadata', 'name']),
        todo: 'Put what tells them apart into the name: Argo CD makes none of them.',
        reason: 'bad-application-set',
      }),
    );
    return { manifests: unique, failures: [...failures, ...duplicates] };
  } catch (error) {
    if (error instanceof Failure) return { manifests: [], failures: [error] };
    if (error instanceof TemplateMistake) return { manifests: [], failures: [mistakeInTemplate(error, set)] };
    throw error;
  }
}

function readSpec(set: ApplicationSetManifest, evaluate: TemplateEvaluator) {
  const { spec } = set.value;
  if (!isMap(spec) || !Array.isArray(spec.generators)) {
    throw wrong('An ApplicationSet needs spec.generators, a list.', ['spec'], set);
  }
  if (!isMap(spec.template)) throw wrong('An ApplicationSet needs spec.template.', ['spec'], set);
  const options = Array.isArray(spec.goTemplateOptions) ? spec.goTemplateOptions : [];
  const known = ['missingkey=error', 'missingkey=default', 'missingkey=invalid', 'missingkey=zero'];
  const [unknown] = options.filter((option) => !known.includes(String(option)));
  if (unknown !== undefined) {
    throw wrong(`There is no option ${JSON.stringify(unknown)}.`, ['spec', 'goTemplateOptions'], set);
  }
  const language: TemplateLanguage = {
    goTemplate: spec.goTemplate === true,
    isStrict: options.at(-1) === 'missingkey=error',
    evaluate,
  };
  return { spec, language };
}

async function manifestsOf(
  set: ApplicationSetManifest,
  spec: Readonly<Record<string, unknown>>,
  made: readonly Generated[],
  language: TemplateLanguage,
): Promise<PlainMap[]> {
  const fillings = made.flatMap(({ params, template }) => {
    const { metadata, spec: fields } = fillEmpty(template, spec.template) as Readonly<
      Record<string, unknown>
    >;
    const patch = typeof spec.templatePatch === 'string' ? spec.templatePatch : null;
    return params.map((each) => ({
      value: { application: { metadata, spec: fields }, patch },
      params: each,
    }));
  });
  // Without any parameter Argo CD leaves the template as it is written (`RenderTemplateParams`).
  const written = fillings.filter(({ params }) => Object.keys(params).length === 0);
  const filled = await fillAll(
    fillings.filter((filling) => !written.includes(filling)),
    language,
  );
  return [...(filled as (typeof fillings)[number]['value'][]), ...written.map(({ value }) => value)].map(
    ({ application, patch }) => {
      const whole = patch === null ? application : patched(application as unknown as PlainMap, patch, set);
      const { metadata, spec: fields } = whole as { metadata: unknown; spec: unknown };
      const namespace = (set.value.metadata as PlainMap | undefined)?.namespace ?? ARGOCD_NAMESPACE;
      return Object.assign(newMap(), {
        apiVersion: 'argoproj.io/v1alpha1',
        kind: 'Application',
        // Never another namespace than the set's own.
        metadata: { ...(isMap(metadata) ? metadata : {}), namespace },
        spec: fields,
      });
    },
  );
}

function patched(application: PlainMap, patch: string, set: ApplicationSetManifest): PlainMap {
  const at = set.placeOf(['spec', 'templatePatch']);
  try {
    // A block of YAML begins on the line after its key.
    return applyTemplatePatch(application, readGoYaml(patch, at.file, (at.line ?? 1) + 1));
  } catch (error) {
    if (!(error instanceof PatchMistake)) throw error;
    throw wrong(`The templatePatch cannot be applied: ${error.message}.`, ['spec', 'templatePatch'], set);
  }
}

/** Those whose name is theirs alone, and the names of the others. */
function byName(manifests: readonly PlainMap[]) {
  const count = new Map<unknown, number>();
  const nameOf = ({ metadata }: PlainMap): unknown => (metadata as PlainMap).name;
  for (const manifest of manifests) count.set(nameOf(manifest), (count.get(nameOf(manifest)) ?? 0) + 1);
  return {
    unique: manifests.filter((manifest) => count.get(nameOf(manifest)) === 1),
    twice: [...count].filter(([, times]) => times > 1).map(([name]) => String(name)),
  };
}

/** Templates are told by their text: the place is that of the first line in which what is wrong can be found. */
function mistakeInTemplate(
  { template, message }: TemplateMistake,
  { name, at, text }: ApplicationSetManifest,
): Failure {
  const [firstLine = ''] = template.split('\n').filter((line) => line.includes('{{'));
  const lines = text.split('\n');
  const index = lines.findIndex((line) => firstLine.trim() !== '' && line.includes(firstLine.trim()));
  return couldNot(`ApplicationSet/${name}: ${JSON.stringify(firstLine.trim())}: ${message}.`, {
    at: index < 0 ? at : { file: at.file, line: firstLineOf(at, text) + index },
    todo: 'Correct the template: Argo CD makes nothing of this ApplicationSet as it is.',
    reason: 'bad-application-set',
  });
}

/** `at` is where the first content stands; `text` begins with the document. */
const firstLineOf = (at: Place, text: string): number =>
  (at.line ?? 1) - Math.max(0, text.split('\n').findIndex(isContent));

/** A line of YAML that is neither empty nor a comment. */
export const isContent = (line: string): boolean => !/^\s*(?:#.*)?$/.test(line);
