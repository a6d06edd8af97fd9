import { environmentOf } from '../config/kajitori-yaml.ts';
import { layoutOf, stateFile } from '../config/layout.ts';
import { couldNot } from '../report/failure.ts';
import type { Change } from '../repository/change.ts';
import type { CommitMessage } from '../repository/commit-message.ts';
import type { Tree } from '../repository/tree.ts';
import { readConfig, readDefinition } from './app-files.ts';
import { checkDeployer, type Deployer } from './deployer.ts';
import { EditedFiles } from './edited-files.ts';
import { readRelease } from './release-record.ts';
import { type Hold, holdFields, isInForce, parseReleaseState } from './release-state.ts';

/** What a hold and its end write into Kajitori-Action. They deploy nothing. */
export const HOLD_ACTIONS: ReadonlySet<string> = new Set(['hold', 'hold-end']);

/** What is asked: a hold on apps in an environment, or its end. */
export interface HoldRequest {
  /** At least one; all of them in one commit. */
  readonly apps: readonly string[];
  readonly environment: string;
  /** Undefined ends the hold. */
  readonly hold: { readonly reason: string; readonly until: Date | undefined } | undefined;
  /** Who asks: a login. */
  readonly by: string;
  /** Why it is ended, for the audit trail. */
  readonly reason: string | undefined;
  readonly run: string | undefined;
  /** Undefined: as kajitori.yaml says for the environment. */
  readonly via: 'commit' | 'pull-request' | undefined;
}

/**
 * What became of one app: `held` by a new hold or a changed one, `ended`, or `already-there`: it was held so, or not held.
 */
export interface HeldApp {
  readonly app: string;
  readonly outcome: 'held' | 'ended' | 'already-there';
  readonly before: Hold | undefined;
  readonly after: Hold | undefined;
}

export interface HoldResult {
  readonly environment: string;
  readonly apps: readonly HeldApp[];
  /** For people: what was found out about who asks. */
  readonly checks: readonly string[];
  readonly originals: ReadonlyMap<string, string | undefined>;
}

/**
 * Computes a hold: later bumps and promotions are refused with its reason, until it ends. Setting what is there already,
 * or ending what is not, changes nothing.
 *
 * @throws Failure: exit 1 when the app is not theirs; exit 2 for bad input, and `no-release` for an app that was never
 * deployed there: a release file without an image would make Argo CD render an app that cannot run
 */
export async function computeHold(
  tree: Tree,
  request: HoldRequest,
  knowledge: { readonly now: Date; readonly deployer: Deployer },
): Promise<Change<HoldResult>> {
  const config = await readConfig(tree);
  const environment = environmentOf(config, request.environment);
  const files = new EditedFiles(tree);
  const checks = new Set<string>();
  const apps: HeldApp[] = [];
  for (const app of request.apps) {
    const definition = await readDefinition(tree, config, app);
    for (const word of await checkDeployer(config, app, definition, knowledge.deployer)) {
      checks.add(word);
    }
    const file = stateFile(config, app, environment.name);
    const deployed = await readRelease((path) => files.read(path), config, app, environment.name);
    if (deployed === undefined && layoutOf(config).kind === 'standard') {
      throw couldNot(`${app} was never deployed to ${environment.name}, so there is nothing to hold.`, {
        at: { file },
        todo: 'Check the names of the app and the environment.',
        reason: 'no-release',
      });
    }
    const { hold: before } = parseReleaseState((await files.read(file)) ?? '', file);
    const after =
      request.hold === undefined ? undefined : { ...request.hold, by: request.by, at: knowledge.now };
    if (after === undefined) {
      if (before !== undefined) {
        await files.edit(file, () => [{ op: 'delete', path: ['hold'] }]);
      }
      apps.push({ app, outcome: before === undefined ? 'already-there' : 'ended', before, after });
    } else if (isInForce(before, knowledge.now) && sameHold(before, after)) {
      apps.push({ app, outcome: 'already-there', before, after: before });
    } else {
      await files.edit(file, () => [{ op: 'set', path: ['hold'], value: holdFields(after) }]);
      apps.push({ app, outcome: 'held', before, after });
    }
  }
  const result = { environment: environment.name, apps, checks: [...checks], originals: files.originals() };
  return {
    edits: files.edits(),
    via: request.via ?? environment.via,
    message: holdMessage(request, result),
    result,
  };
}

/** The same stop of the same person, whenever it began. Files keep whole seconds. */
const sameHold = (a: Hold, b: Hold): boolean =>
  JSON.stringify({ ...holdFields(a), at: undefined }) === JSON.stringify({ ...holdFields(b), at: undefined });

function holdMessage(request: HoldRequest, { apps, environment }: HoldResult): CommitMessage {
  const changed = apps.filter(({ outcome }) => outcome !== 'already-there');
  const action = request.hold === undefined ? 'hold-end' : 'hold';
  const reason = request.hold?.reason ?? request.reason;
  const names = changed.map(({ app }) => app);
  return {
    headline: `${request.hold === undefined ? 'End the hold on' : 'Hold'} ${names.join(', ')} in ${environment}`,
    trailers: names.flatMap((app) => [
      { name: 'Kajitori-App', value: app },
      { name: 'Kajitori-Environment', value: environment },
      ...(request.run === undefined ? [] : [{ name: 'Kajitori-Run', value: request.run }]),
      { name: 'Kajitori-Action', value: action },
      { name: 'Kajitori-By', value: request.by },
      ...(reason === undefined || reason === '' ? [] : [{ name: 'Kajitori-Reason', value: reason }]),
    ]),
  };
}
