import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Discovered, discoverApplications } from '../applications/discover.ts';
import { inputsOf } from '../applications/inputs.ts';
import { KAJITORI_FILE, type KajitoriConfig, parseKajitoriYaml } from '../config/kajitori-yaml.ts';
import { layoutOf } from '../config/layout.ts';
import { nameHint } from '../config/nearest.ts';
import type { RenderOutputs } from '../render/run-render.ts';
import { couldNot, Failure } from '../report/failure.ts';
import type { Tree } from '../repository/tree.ts';
import { openWorkingCopy, type WorkingCopy } from '../repository/working-copy.ts';
import { callers } from './callers.ts';
import { type AnswersGiven, collectAnswers } from './collect-answers.ts';
import { type Detected, type DetectedCluster, detect, formatDetected, withRemote } from './detect.ts';
import { guessEnvironments } from './guess-environments.ts';
import { editsOf, formatPlan, type InitPlan, type ProposedFile, planFiles } from './init-plan.ts';
import { type Answers, kajitoriYamlText } from './kajitori-yaml-text.ts';
import type { Questions } from './questions.ts';
import {
  guessReleasePattern,
  type PatternProof,
  proveReleasePattern,
  type ReleasePattern,
} from './release-pattern.ts';
import { type SameObjects, sameObjects } from './same-objects.ts';
import { type Places, valuesPlaces } from './values-places.ts';

/** What was given by flags. What is missing is found out, then asked. */
export interface AdoptInputs extends AnswersGiven {
  /** `apps.release` of kajitori.yaml, like `deploy/{app}/values-{environment}.yaml`. */
  readonly release?: string | undefined;
  /** `apps.image` of kajitori.yaml, like `web.image`. */
  readonly image?: string | undefined;
  /** What is not compared: applications, `ApplicationSet/<name>`, files. */
  readonly exclude: readonly string[];
  readonly dryRun: boolean;
}

export interface AdoptDependencies {
  /** The top folder of the repository that Argo CD reads. */
  readonly repository: WorkingCopy;
  /** The files of the package kajitori (`openSuite`). */
  readonly suite: Tree;
  /** The URL of the git remote `origin`, undefined when there is none. */
  readonly remoteUrl: () => Promise<string | undefined>;
  /** Renders all applications of a tree, whose files are in the folder `root`. */
  readonly render: (tree: Tree, root: string) => Promise<RenderOutputs>;
  /** Undefined where nobody can be asked: no terminal, or `--yes`. */
  readonly questions: Questions | undefined;
  /** Shows what is found; nothing for `--json`. */
  readonly show: (text: string) => void;
}

export interface AdoptOutputs {
  readonly plan: readonly { readonly path: string; readonly state: InitPlan['files'][number]['state'] }[];
  /** Undefined where no values file holds an image. */
  readonly pattern: ReleasePattern | undefined;
  readonly apps: PatternProof['apps'];
  /** Applications that Kajitori will not deploy; they go on as before. */
  readonly left: Places['left'];
  /** Undefined when nothing would be written. */
  readonly proof: SameObjects | undefined;
  readonly written: readonly string[];
  readonly changed: boolean;
  /**
   * - `written`, `nothing-to-do`, `dry-run` (and would be all right), `declined`.
   * - `no-pattern`: no values file of an app holds its image, so there is nothing for Kajitori to write.
   * - `changes`: something that runs would change. `not-proven`: something could not be rendered.
   */
  readonly reason:
    | 'written'
    | 'nothing-to-do'
    | 'dry-run'
    | 'declined'
    | 'no-pattern'
    | 'changes'
    | 'not-proven';
  readonly exitCode: 0 | 1 | 2;
}

/** Where app.yaml of an app stands: in a hidden folder, which no generator of folders and no chart looks into. */
const DEFINITION = '.kajitori/{app}/app.yaml';

/**
 * `kajitori init --adopt`: gives a GitOps repository that exists a kajitori.yaml and the workflows that call ours, and nothing that Argo
 * CD applies. Before anything is written, every application is rendered without and with these files, and compared object by object.
 *
 * @throws Failure (exit 2) when an answer is missing and nobody can be asked, and for files that cannot be read
 */
export async function runAdopt(inputs: AdoptInputs, deps: AdoptDependencies): Promise<AdoptOutputs> {
  const adopted = await configuration(inputs, deps);
  const { text, pattern, found, proven } = adopted;
  const about = { pattern, apps: proven.apps, left: [...proven.left, ...found.left] };
  if (text === undefined) {
    deps.show(formatNoPattern(about.left));
    return { ...about, ...nothingDone([]), proof: undefined, reason: 'no-pattern', exitCode: 1 };
  }
  deps.show(formatFound(pattern, about));
  const config = parseKajitoriYaml(text);
  const plan = await planFiles(deps.repository, [
    { path: KAJITORI_FILE, text, about: 'environments, clusters, where images are', kind: 'first' },
    ...(await callers(config, deps.suite)).map((file): ProposedFile => ({ ...file, kind: 'generated' })),
  ]);
  deps.show(formatPlan(plan, deps.repository.name));
  const edits = editsOf(plan);
  const nothing = { ...about, ...nothingDone(plan.files) };
  if (edits.size === 0) {
    return { ...nothing, proof: undefined, reason: 'nothing-to-do', exitCode: 0 };
  }
  const proof = await prove(text, edits, inputs.exclude, deps);
  deps.show(formatProof(proof));
  if (proof.unknown.length > 0) {
    return { ...nothing, proof, reason: 'not-proven', exitCode: 2 };
  }
  if (proof.changed.length > 0) {
    return { ...nothing, proof, reason: 'changes', exitCode: 1 };
  }
  if (inputs.dryRun) {
    return { ...nothing, proof, reason: 'dry-run', exitCode: 0 };
  }
  if (deps.questions !== undefined && !(await deps.questions.confirm('Write these files?'))) {
    return { ...nothing, proof, reason: 'declined', exitCode: 0 };
  }
  await deps.repository.write(edits);
  return {
    ...nothing,
    proof,
    written: [...edits.keys()],
    changed: true,
    reason: 'written',
    exitCode: 0,
  };
}

const nothingDone = (files: InitPlan['files']) =>
  ({
    plan: files.map(({ path: file, state }) => ({ path: file, state })),
    written: [],
    changed: false,
  }) as const;

interface Adopted {
  /** kajitori.yaml; undefined where there would be no use of it. */
  readonly text: string | undefined;
  readonly pattern: ReleasePattern | undefined;
  readonly found: Places;
  readonly proven: PatternProof;
}

async function configuration(inputs: AdoptInputs, deps: AdoptDependencies): Promise<Adopted> {
  const { repository } = deps;
  const url = inputs.url ?? (await deps.remoteUrl());
  const existing = await repository.read(KAJITORI_FILE);
  if (existing !== undefined) {
    return ofExisting(existing, repository, url);
  }
  const urls = url === undefined ? [] : [url];
  const seen = await discoverApplications(repository, { urls });
  if (seen.applications.length === 0 && seen.notRead.length === 0) {
    throw couldNot('There is no Application and no ApplicationSet of Argo CD in this repository.', {
      todo: 'Run it at the top of the repository that Argo CD reads; `kajitori init` makes a new one.',
      reason: 'no-applications',
    });
  }
  const first = await detect(repository);
  const detected = await detectClusters(first.url === undefined ? withRemote(first, url) : first, seen);
  deps.show(formatDetected(detected));
  const answers = await collectAnswers(inputs, detected, deps.questions);
  const withPattern = (pattern: ReleasePattern) => tryConfig(answers, pattern);
  const anyPattern = withPattern({ release: '{app}/{environment}/{cluster}.yaml', image: 'image' });
  // What is wrong with the answers themselves is thrown here.
  const config = anyPattern ?? parseKajitoriYaml(kajitoriYamlText(answers));
  const discovered = await discoverApplications(repository, { urls, config });
  const found = await valuesPlaces(discovered, config);
  const pattern = await choosePattern(inputs, found, answers, withPattern, deps.questions);
  if (pattern === undefined) {
    const left = found.places.map(({ application }) => ({
      application,
      why: 'no image of your registries is in its values files',
    }));
    return { text: undefined, pattern, found, proven: { apps: [], left } };
  }
  const text = kajitoriYamlText({ ...answers, apps: { ...pattern, definition: DEFINITION } });
  const proven = proveReleasePattern(parseKajitoriYaml(text), found.places, found.texts);
  return { text: proven.apps.length === 0 ? undefined : text, pattern, found, proven };
}

async function ofExisting(text: string, repository: Tree, url: string | undefined): Promise<Adopted> {
  const config = parseKajitoriYaml(text);
  if (layoutOf(config).kind === 'standard') {
    throw couldNot(`${KAJITORI_FILE} is there already, for the layout of Kajitori itself.`, {
      at: { file: KAJITORI_FILE },
      todo: 'Run `kajitori init` without --adopt to add what is missing.',
      reason: 'already-configured',
    });
  }
  const urls = url === undefined ? [] : [url];
  const found = await valuesPlaces(await discoverApplications(repository, { urls, config }), config);
  const pattern = { release: config.apps?.release ?? '', image: config.apps?.image ?? 'image' };
  return { text, pattern, found, proven: proveReleasePattern(config, found.places, found.texts) };
}

/** Clusters from lists of ApplicationSets and from where applications go; environments from their names. */
async function detectClusters(detected: Detected, seen: Discovered): Promise<Detected> {
  const clusters = new Map<string, DetectedCluster>(detected.clusters);
  const detections = [...detected.detections];
  for (const { destination, declaredAt } of seen.applications) {
    const { name } = destination;
    if (name === undefined || name === 'in-cluster' || clusters.has(name)) continue;
    clusters.set(name, {
      environment: undefined,
      kubernetes: undefined,
      region: undefined,
      account: undefined,
    });
    detections.push({ what: 'cluster', value: name, from: declaredAt.file });
  }
  const inputs = await Promise.all(seen.applications.map((each) => inputsOf(each, seen.world.listing)));
  const paths = inputs.flatMap(({ files }) => files);
  return { ...detected, clusters: guessEnvironments(clusters, paths), detections };
}

/** kajitori.yaml with a pattern, undefined where it refuses the pattern. */
function tryConfig(answers: Answers, pattern: ReleasePattern): KajitoriConfig | undefined {
  try {
    return parseKajitoriYaml(kajitoriYamlText({ ...answers, apps: { ...pattern, definition: DEFINITION } }));
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

async function choosePattern(
  { release, image }: AdoptInputs,
  { places, texts }: Places,
  { registries }: Answers,
  withPattern: (pattern: ReleasePattern) => KajitoriConfig | undefined,
  questions: Questions | undefined,
): Promise<ReleasePattern | undefined> {
  if (release !== undefined) return { release, image: image ?? 'image' };
  const guessed = guessReleasePattern(places, texts, registries, (pattern) =>
    withPattern(image === undefined ? pattern : { ...pattern, image }),
  );
  if (guessed !== undefined) return image === undefined ? guessed : { ...guessed, image };
  if (questions === undefined || places.length === 0) return undefined;
  const answer = await questions.text({
    message: 'The values files that hold the image of an app (empty: there are none)',
    example: 'apps/{app}/values-{environment}.yaml',
    optional: true,
  });
  if (answer === '') return undefined;
  const path = await questions.text({ message: 'The path of the image in them', example: 'image' });
  return { release: answer, image: path };
}

/**
 * Both sides know the clusters as kajitori.yaml describes them: Argo CD asks the clusters themselves, so their version of Kubernetes is
 * not what this change brings.
 */
async function prove(
  text: string,
  edits: ReadonlyMap<string, string | null>,
  exclude: readonly string[],
  { repository, render, show }: AdoptDependencies,
): Promise<SameObjects> {
  show('\nRendering all applications, as they are and with these files …');
  const knowing: Tree = {
    ...repository,
    read: (file) => (file === KAJITORI_FILE ? Promise.resolve(text) : repository.read(file)),
  };
  const before = await render(knowing, repository.root);
  const folder = await mkdtemp(path.join(tmpdir(), 'kajitori-adopt-'));
  try {
    const root = path.join(folder, 'repository');
    await cp(repository.root, root, {
      recursive: true,
      verbatimSymlinks: true,
      filter: (file) => !['.git', 'node_modules'].includes(path.basename(file)),
    });
    const copy = await openWorkingCopy(root);
    await copy.write(edits);
    const after = await render(copy, root);
    refuseUnknownNames(exclude, before, after);
    return sameObjects(before, after, exclude);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A misspelt name would leave nothing out, and say so nowhere. */
function refuseUnknownNames(exclude: readonly string[], ...sides: readonly RenderOutputs[]): void {
  const names = sides.flatMap(({ applications, notRendered }) => [
    ...applications.flatMap(({ application: { name } }) => [name, `Application/${name}`]),
    ...notRendered.flatMap(({ what }) => [what, what.replace(/^Application\//, '')]),
  ]);
  const unknown = exclude.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw couldNot(
      `There is nothing called ${JSON.stringify(unknown)} to exclude. ${nameHint(unknown, [...new Set(names)].slice(0, 50))}`,
      { todo: 'Write it as it is printed.', reason: 'unknown-exclude' },
    );
  }
}

const few = (names: readonly string[], most = 10): string =>
  names.length > most
    ? `${names.slice(0, most).join(', ')} and ${names.length - most} more`
    : names.join(', ');

const counted = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`;

function formatFound(
  pattern: ReleasePattern | undefined,
  { apps, left }: Pick<AdoptOutputs, 'apps' | 'left'>,
): string {
  const byReason = Map.groupBy(left, ({ why }) => why);
  return [
    `The image of an app is in ${pattern?.release}, at ${pattern?.image}.`,
    `  Kajitori can deploy ${counted(apps.length, 'app')}: ${few(apps.map(({ app }) => app))}`,
    ...(left.length === 0
      ? []
      : [
          '  It cannot deploy these. They go on as they are:',
          ...[...byReason].map(
            ([why, all]) => `    ${few(all.map(({ application }) => application))}: ${why}`,
          ),
        ]),
    '',
  ].join('\n');
}

function formatNoPattern(left: AdoptOutputs['left']): string {
  const explicit = left.flatMap(({ application, explicit: lines }) =>
    lines === undefined ? [] : [`  ${application}:  files: ${lines.files}  set: ${lines.set}`],
  );
  return [
    'There is no app whose image Kajitori could write, so kajitori.yaml would have nothing to say here:',
    ...left.map(({ application, why }) => `  ${application}: ${why}`),
    ...(explicit.length === 0
      ? []
      : [
          '',
          'Without kajitori.yaml, actions/bump-values writes any value of any file, all or none of them (who may deploy,',
          'what is newer and holds are not checked then):',
          ...explicit,
        ]),
  ].join('\n');
}

function formatProof({ applications, objects, changed, unknown, excluded }: SameObjects): string {
  const same = `${counted(objects, 'object')} of ${counted(applications, 'application')}`;
  const byReason = Map.groupBy(unknown, ({ reason }) => reason);
  return [
    ...(changed.length > 0
      ? [
          `${counted(changed.length, 'object')} would change, so nothing is written:`,
          ...changed.map((line) => `  ${line}`),
        ]
      : applications > 0
        ? [`${same} ${objects === 1 ? 'renders' : 'render'} the same before and after.`]
        : []),
    ...(excluded.length === 0 ? [] : [`Not compared, as you said: ${excluded.join(', ')}.`]),
    ...(unknown.length === 0 ? [] : ['', 'Not rendered, so whether it stays the same is not known:']),
    ...[...byReason].flatMap(([reason, all]) => [
      `  ${few(all.map(({ what }) => what))}`,
      `    ${reason.replaceAll('\n', '\n    ')}`,
    ]),
  ].join('\n');
}
