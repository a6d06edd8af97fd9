import { Failure } from '../../report/failure.ts';
import type { StandinCluster } from './cluster.ts';
import type { FoundApplication, GitReader } from './git-source.ts';
import type { ImageScript } from './images.ts';
import { fateOf, type Health, healthOf, type LiveObject, uidOf } from './live-object.ts';
import { keyOf, type Manifest, manifestOf, stepsOf } from './manifest.ts';
import type { Schedule } from './schedule.ts';

/** What an application lives in. */
export interface Surroundings {
  readonly git: GitReader;
  readonly schedule: Schedule;
  readonly cluster: StandinCluster;
  /** How images go on everywhere, by tag. */
  readonly images: ReadonlyMap<string, ImageScript>;
  readonly isGitDown: () => boolean;
}

export interface SyncOperation {
  readonly revision: string;
  readonly automated: boolean;
}

export interface TaskResult {
  readonly manifest: Manifest;
  status: 'Synced' | 'SyncFailed' | 'Pruned';
  message: string;
  /** Undefined for what was never tried. */
  hookPhase: 'Running' | 'Succeeded' | 'Failed' | undefined;
}

export interface OperationState {
  readonly operation: SyncOperation;
  /** What it applies: as git was when it began. */
  readonly manifests: readonly Manifest[];
  phase: 'Running' | 'Terminating' | 'Succeeded' | 'Failed';
  message: string | undefined;
  readonly startedAt: number;
  finishedAt: number | undefined;
  retryCount: number;
  /** Undefined until the first step was applied. */
  results: TaskResult[] | undefined;
}

export type SyncStatus = 'Synced' | 'OutOfSync' | 'Unknown';

export interface Condition {
  readonly type: 'ComparisonError' | 'SyncError';
  readonly message: string;
  readonly at: number;
}

/** What Argo CD says about a whole application; older than its objects for a moment. */
export interface Overall {
  readonly sync: SyncStatus | undefined;
  readonly health: Health['status'] | undefined;
}

/** Milliseconds, as they were measured on the rig. */
const BEGIN_MS = 60;
const FIRST_STEP_MS = 140;
const END_MS = 150;
const OBSERVED_MS = 250;
const RECONCILE_AGAIN_MS = 100;
const WAVE_MS = 2_000;
const LOOK_MS = 500;
const HOOK_DELETED_MS = 1_000;

/** As the generated ApplicationSets have it (scaffold/application-set.ts). */
const RETRY = { limit: 2, durationMs: 2_000, factor: 2, maxMs: 10_000 };

/**
 * One Argo CD application: compares with git, syncs by waves and hooks, heals itself, as the application controller does as
 * far as it was recorded. It moves only by the events that it puts into the schedule.
 */
export class StandinApplication {
  readonly place: FoundApplication;
  readonly createdAt: number;
  readonly uid: string;
  readonly live = new Map<string, LiveObject>();
  readonly history: {
    readonly id: number;
    readonly revision: string;
    readonly at: number;
    readonly startedAt: number;
  }[] = [];
  desired: readonly Manifest[] = [];
  revision: string | undefined;
  reconciledAt: number | undefined;
  pending: SyncOperation | undefined;
  state: OperationState | undefined;
  /** Scripted: the health of its objects, by `Kind/name`. */
  readonly forced = new Map<string, Health>();
  readonly #around: Surroundings;
  #comparisonError: Condition | undefined;
  #syncError: Condition | undefined;
  /** What is shown until `#settledAt`, when the controller has seen what it applied. */
  #before: Overall = { sync: undefined, health: undefined };
  #settledAt = 0;

  constructor(place: FoundApplication, around: Surroundings, at: number) {
    this.place = place;
    this.#around = around;
    this.createdAt = at;
    this.uid = uidOf(place.name, String(at));
  }

  get conditions(): Condition[] {
    return [this.#comparisonError, this.#syncError].filter((each) => each !== undefined);
  }

  /** Whether an object is as git has it; undefined for hooks and what is not compared. */
  statusOf(manifest: Manifest): SyncStatus | undefined {
    if (manifest.hook !== undefined) return undefined;
    const live = this.live.get(keyOf(manifest));
    return live !== undefined && live.drifted !== true && live.manifest.text === manifest.text
      ? 'Synced'
      : 'OutOfSync';
  }

  get cluster(): StandinCluster {
    return this.#around.cluster;
  }

  liveObject(kind: string | null, name: string | null): LiveObject | undefined {
    return [...this.live.values()].find(({ manifest }) => manifest.kind === kind && manifest.name === name);
  }

  health(live: LiveObject, now: number): Health | undefined {
    return this.forced.get(`${live.manifest.kind}/${live.manifest.name}`) ?? healthOf(live, now);
  }

  overall(now: number): Overall {
    if (now < this.#settledAt) return this.#before;
    return { sync: this.#sync(), health: this.#health(now) };
  }

  #sync(): SyncStatus | undefined {
    if (this.#comparisonError !== undefined) return 'Unknown';
    if (this.revision === undefined) return undefined;
    const extra = [...this.live.values()].some(
      ({ manifest }) =>
        manifest.hook === undefined && !this.desired.some((each) => keyOf(each) === keyOf(manifest)),
    );
    return extra || this.desired.some((each) => this.statusOf(each) === 'OutOfSync') ? 'OutOfSync' : 'Synced';
  }

  /** Missing objects do not count as long as one is there (argo-cd, controller/health.go; trap 4). Hooks never do. */
  #health(now: number): Health['status'] | undefined {
    if (this.revision === undefined) return undefined;
    const ORDER = ['Healthy', 'Suspended', 'Progressing', 'Missing', 'Degraded'] as const;
    const own = [...this.live.values()].filter(({ manifest }) => manifest.hook === undefined);
    if (own.length === 0) return 'Missing';
    return own
      .map((live) => this.health(live, now)?.status ?? 'Healthy')
      .toSorted((one, other) => ORDER.indexOf(other) - ORDER.indexOf(one))[0];
  }

  /** Compares with git now, and syncs what differs. */
  async reconcile(at: number): Promise<void> {
    this.reconciledAt = at;
    const head = await this.#compare(at);
    if (head !== undefined && this.#sync() === 'OutOfSync') this.#autoSync(at, head);
    else if (head !== undefined) this.#syncError = undefined;
  }

  async #compare(at: number): Promise<string | undefined> {
    const failed = (words: string): undefined => {
      const message = `Failed to load target state: failed to generate manifest for source 1 of 2: rpc error: code = Unknown desc = ${words}`;
      this.#comparisonError = { type: 'ComparisonError', message, at: this.#comparisonError?.at ?? at };
      this.revision ??= 'main';
    };
    if (this.#around.isGitDown()) {
      return failed(
        'failed to list refs: Get "https://git.example/gitops.git/info/refs?service=git-upload-pack": dial tcp: connect: connection refused',
      );
    }
    const { git } = this.#around;
    const head = await git.head();
    try {
      const objects = await git.render(this.place, head);
      this.desired = objects.map((object) => manifestOf(object, this.place.app));
    } catch (error) {
      const words = error instanceof Failure ? error.message : String(error);
      return failed(
        `failed to execute helm template command: failed running helm: \`helm template . <api versions removed> --include-crds\` failed exit status 1: Error: ${words}\n\nUse --debug flag to render out invalid YAML`,
      );
    }
    this.#comparisonError = undefined;
    this.revision = head;
    return head;
  }

  /** What is compared, as Argo CD shows it: after an error the branch (trap 5). */
  get shownRevision(): string | undefined {
    return this.#comparisonError === undefined ? this.revision : 'main';
  }

  #autoSync(at: number, revision: string): void {
    if (this.pending !== undefined) return;
    const { state } = this;
    // Nor is a later commit attempted that changes nothing of it (controller, `alreadyAttemptedSync`).
    const isAttempted = state?.operation.revision === revision || isSame(state?.manifests, this.desired);
    if (state?.phase === 'Failed' && isAttempted) {
      const message = `Failed last sync attempt to [${state.operation.revision}]: ${state.message}`;
      this.#syncError = { type: 'SyncError', message, at: this.#syncError?.at ?? at };
      return;
    }
    this.start({ revision, automated: true }, at);
  }

  /** @returns false while another operation runs */
  start(operation: SyncOperation, at: number): boolean {
    if (this.pending !== undefined) return false;
    this.pending = operation;
    const manifests = this.desired;
    // Trap 3: for a moment there is no state at all.
    this.state = undefined;
    this.#syncError = undefined;
    this.#around.schedule.at(at + BEGIN_MS, (begun) => {
      const state: OperationState = {
        operation,
        manifests,
        phase: 'Running',
        message: undefined,
        startedAt: begun,
        finishedAt: undefined,
        retryCount: 0,
        results: undefined,
      };
      this.state = state;
      this.#around.schedule.at(begun + FIRST_STEP_MS, (first) => this.#attempt(state, first));
    });
    return true;
  }

  /** @returns false when none runs */
  terminate(at: number): boolean {
    const { state } = this;
    if (this.pending === undefined || state === undefined || state.phase !== 'Running') return false;
    state.phase = 'Terminating';
    this.#around.schedule.at(at + END_MS, (ended) => {
      for (const result of state.results ?? []) {
        if (result.manifest.hook === undefined || result.hookPhase !== 'Running') continue;
        result.hookPhase = 'Failed';
        result.message = 'Terminated';
        this.live.delete(keyOf(result.manifest));
      }
      this.#end(state, 'Failed', 'Operation terminated', ended);
    });
    return true;
  }

  /** Somebody changes an object by hand; Argo CD sees it and heals it. */
  drift(kind: string, name: string, at: number): void {
    for (const [key, live] of this.live) {
      if (live.manifest.kind === kind && live.manifest.name === name)
        this.live.set(key, { ...live, drifted: true });
    }
    this.#around.schedule.at(at + RECONCILE_AGAIN_MS, (seen) => this.reconcile(seen));
  }

  #attempt(state: OperationState, at: number): void {
    if (state.phase !== 'Running') return;
    state.results = [];
    state.message = undefined;
    state.finishedAt = undefined;
    if (this.#around.cluster.isDown) {
      this.#unreachable(state, at);
      return;
    }
    this.#step(state, stepsOf(state.manifests), 0, at);
  }

  #unreachable(state: OperationState, at: number): void {
    const words = `failed to discover server resources for group version v1: ${this.#around.cluster.unreachable}`;
    state.results = state.manifests.map((manifest) => ({
      manifest,
      status: 'SyncFailed',
      message: words,
      hookPhase: undefined,
    }));
    this.#fail(state, `one or more synchronization tasks are not valid: ${words}`, at);
  }

  #step(state: OperationState, steps: readonly Manifest[][], index: number, at: number): void {
    if (state.phase !== 'Running') return;
    const step = steps[index];
    if (step === undefined) {
      this.#succeed(state, at);
      return;
    }
    if (this.#around.cluster.isDown) {
      this.#unreachable(state, at);
      return;
    }
    const old = step.filter((each) => each.hook !== undefined && this.live.has(keyOf(each)));
    if (old.length > 0) {
      // BeforeHookCreation.
      for (const each of old) this.live.delete(keyOf(each));
      state.message = `waiting for deletion of hook ${shownHook(old[0])}`;
      this.#around.schedule.at(at + HOOK_DELETED_MS, (gone) => this.#step(state, steps, index, gone));
      return;
    }
    this.#hold(at);
    const refused = step
      .map((manifest) => this.#apply(state, manifest, at))
      .find((words) => words !== undefined);
    if (refused !== undefined) {
      this.#fail(state, `one or more synchronization tasks completed unsuccessfully, reason: ${refused}`, at);
      return;
    }
    const hook = step.find((each) => each.hook !== undefined);
    if (index === steps.length - 1 && hook === undefined) {
      this.#around.schedule.at(at + END_MS, (ended) => this.#succeed(state, ended));
      return;
    }
    const [first] = step;
    state.message =
      hook === undefined
        ? `waiting for healthy state of ${first?.group ? `${first.group}/` : ''}/${first?.kind}/${first?.name}`.replace(
            '//',
            '/',
          )
        : `waiting for completion of hook ${shownHook(hook)}`;
    this.#around.schedule.at(at + WAVE_MS, (later) => this.#wait(state, steps, index, later));
  }

  #wait(state: OperationState, steps: readonly Manifest[][], index: number, at: number): void {
    if (state.phase !== 'Running') return;
    const found = (steps[index] ?? []).map((manifest) => {
      const live = this.live.get(keyOf(manifest));
      return { manifest, health: live === undefined ? undefined : this.health(live, at) };
    });
    const bad = found.find(({ health }) => health?.status === 'Degraded');
    for (const { manifest, health } of found) {
      const result = state.results?.find((each) => each.manifest === manifest);
      if (result === undefined || manifest.hook === undefined || health === undefined) continue;
      result.hookPhase =
        health.status === 'Healthy' ? 'Succeeded' : health.status === 'Degraded' ? 'Failed' : 'Running';
      result.message = health.message ?? result.message;
    }
    if (bad !== undefined) {
      this.#fail(state, 'one or more synchronization tasks completed unsuccessfully', at);
      return;
    }
    if (found.some(({ health }) => health?.status === 'Progressing')) {
      this.#around.schedule.at(at + LOOK_MS, (later) => this.#wait(state, steps, index, later));
      return;
    }
    this.#step(state, steps, index + 1, at);
  }

  /** @returns why Kubernetes refused it */
  #apply(state: OperationState, manifest: Manifest, at: number): string | undefined {
    const scripts = new Map([...this.#around.images, ...this.#around.cluster.images]);
    const key = keyOf(manifest);
    const known = this.live.get(key);
    const refusal = this.#refusal(manifest, scripts);
    const verb =
      known === undefined ? 'created' : known.manifest.text === manifest.text ? 'unchanged' : 'configured';
    const shown = `${manifest.kind.toLowerCase()}${manifest.group === '' ? '' : `.${manifest.group}`}/${manifest.name}`;
    state.results?.push({
      manifest,
      status: refusal === undefined ? 'Synced' : 'SyncFailed',
      message: refusal ?? `${shown} ${verb}`,
      hookPhase: refusal === undefined ? 'Running' : 'Failed',
    });
    if (refusal !== undefined) return refusal;
    const isRolled = known === undefined || podTemplate(known.manifest) !== podTemplate(manifest);
    this.live.set(key, {
      manifest,
      uid: known?.uid ?? uidOf(this.uid, key, String(at)),
      createdAt: known?.createdAt ?? at,
      rolledAt: isRolled ? at : known.rolledAt,
      previous: isRolled ? lastGood(known, at) : known.previous,
      scripts: isRolled ? scripts : known.scripts,
    });
    return undefined;
  }

  #refusal(manifest: Manifest, scripts: ReadonlyMap<string, ImageScript>): string | undefined {
    const { kind, group, name } = manifest;
    const denial = this.#around.cluster.denials.find((each) => each.kind === kind);
    const shown = `${kind.toLowerCase()}s${group === '' ? '' : `.${group}`} "${name}"`;
    if (denial !== undefined) return `${shown} is forbidden: ${denial.words}`;
    return fateOf({ manifest, scripts }).fate === 'invalid'
      ? `${kind}.${group} "${name}" is invalid: spec.template.spec.containers[0].env[1].name: Required value`
      : undefined;
  }

  /** Argo CD shows the application as it was until it has seen what it did. */
  #hold(at: number): void {
    this.#before = this.overall(at);
    this.#settledAt = at + OBSERVED_MS;
  }

  #succeed(state: OperationState, at: number): void {
    if (state.phase !== 'Running') return;
    const wanted = new Set(state.manifests.map(keyOf));
    for (const [key, { manifest }] of this.live) {
      if (manifest.hook === undefined && !wanted.has(key)) this.live.delete(key);
    }
    const { revision } = state.operation;
    this.history.push({ id: this.history.length, revision, at, startedAt: state.startedAt });
    this.#end(state, 'Succeeded', 'successfully synced (all tasks run)', at);
  }

  #fail(state: OperationState, message: string, at: number): void {
    if (state.retryCount >= RETRY.limit) {
      const retried = state.retryCount === 0 ? '' : ` (retried ${state.retryCount} times).`;
      this.#end(state, 'Failed', `${message}${retried}`, at);
      return;
    }
    const wait = Math.min(RETRY.maxMs, RETRY.durationMs * RETRY.factor ** state.retryCount);
    state.retryCount += 1;
    state.finishedAt = at;
    state.message = `${message}. Retrying attempt #${state.retryCount} at ${clockTime(at + wait)}.`;
    this.#around.schedule.at(at + wait, (again) => this.#attempt(state, again));
  }

  #end(state: OperationState, phase: 'Succeeded' | 'Failed', message: string, at: number): void {
    state.phase = phase;
    state.message = message;
    state.finishedAt = at;
    this.pending = undefined;
    this.#around.schedule.at(at + RECONCILE_AGAIN_MS, (again) => this.reconcile(again));
  }
}

const shownHook = (manifest: Manifest | undefined): string =>
  manifest === undefined ? '' : `${manifest.group}/${manifest.kind}/${manifest.name}`;

const podTemplate = ({ object }: Manifest): string => {
  const { spec } = object as { readonly spec?: { readonly template?: unknown } };
  return JSON.stringify(spec?.template ?? null);
};

/** The template whose pods run until the new ones are ready: the last that got ready. */
const lastGood = (known: LiveObject | undefined, at: number): Manifest | undefined =>
  known === undefined || healthOf(known, at)?.status === 'Healthy' ? known?.manifest : known.previous;

/** `10:35AM`, as Go's time.Kitchen. */
const clockTime = (at: number): string => {
  const date = new Date(at);
  const hours = date.getUTCHours();
  return `${hours % 12 || 12}:${String(date.getUTCMinutes()).padStart(2, '0')}${hours < 12 ? 'AM' : 'PM'}`;
};

const isSame = (some: readonly Manifest[] | undefined, others: readonly Manifest[]): boolean =>
  some?.length === others.length && some.every(({ text }, index) => text === others[index]?.text);
