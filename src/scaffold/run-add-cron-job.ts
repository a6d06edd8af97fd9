import type { Timing } from '../github/timing.ts';
import type { GitopsRepository } from '../repository/gitops-repository.ts';
import { type CarriedOut, carryOut } from './carry-out.ts';
import { changeJson, changeSummary, changeText } from './change-report.ts';
import {
  type CronJobRequest,
  type CronJobResult,
  computeCronJob,
  filesOfCronJob,
  scheduleWords,
} from './compute-cron-job.ts';
import type { Asking } from './compute-new-app.ts';

export interface AddCronJobInputs {
  readonly request: CronJobRequest;
  readonly asking: Asking;
  /** Compute and show, write nothing. */
  readonly dryRun: boolean;
  readonly labels: readonly string[];
}

export interface AddCronJobDeps {
  readonly on: GitopsRepository;
  readonly timing: Timing;
  /** Unique to this run and its purpose. */
  readonly key: string;
  readonly onRetry?: (reason: string, attempt: number, pauseMs: number) => void;
}

export type AddCronJobOutputs = CarriedOut<CronJobResult>;

/**
 * Proposes a cron job as a pull request of the GitOps repository, or writes it into a working copy: three lines of
 * values at their place. The same answers give the same pull request; the owning team reviews it.
 *
 * @throws Failure: exit 1 `taken`; exit 2 for bad input, or when GitHub refuses or does not answer
 */
export function runAddCronJob(inputs: AddCronJobInputs, deps: AddCronJobDeps): Promise<AddCronJobOutputs> {
  const { request, asking } = inputs;
  return carryOut((tree) => computeCronJob(tree, request, asking, new Date(deps.timing.now())), {
    ...deps,
    dryRun: inputs.dryRun,
    files: filesOfCronJob(request.app),
    branch: `kajitori/cron/${request.app}/${request.name}`,
    labels: inputs.labels,
    onRetry: deps.onRetry,
  });
}

const whatOf = ({ result }: AddCronJobOutputs): string => `the cron job ${result.name} of ${result.app}`;

/** For a terminal or a log. */
export const cronJobText = (outputs: AddCronJobOutputs): string =>
  changeText(outputs, whatOf(outputs), [`  ${scheduleWords(outputs.result)}`]);

/** The job summary. */
export const cronJobSummary = (outputs: AddCronJobOutputs): string =>
  changeSummary(outputs, whatOf(outputs), [scheduleWords(outputs.result).replaceAll('*', '\\*')]);

/** For machines (`--json`). */
export const cronJobJson = (outputs: AddCronJobOutputs): object => ({
  ...changeJson(outputs),
  app: outputs.result.app,
  name: outputs.result.name,
  schedule: outputs.result.schedule.schedule,
  timeZone: outputs.result.schedule.timeZone,
  words: outputs.result.schedule.words,
  next: outputs.result.schedule.next.map((run) => run.toISOString()),
});
