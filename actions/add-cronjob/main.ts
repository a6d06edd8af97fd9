import * as core from '@actions/core';
import { gitopsInputs } from '../../src/action/gitops-inputs.ts';
import { booleanInput, input, runnerContext } from '../../src/action/inputs.ts';
import { logText } from '../../src/action/log-text.ts';
import { runAction } from '../../src/action/run-action.ts';
import { systemTiming } from '../../src/github/timing.ts';
import { cronJobRequest } from '../../src/scaffold/compute-cron-job.ts';
import { cronJobSummary, cronJobText, runAddCronJob } from '../../src/scaffold/run-add-cron-job.ts';

await runAction(async () => {
  const { actor, runUrl } = runnerContext();
  const request = cronJobRequest(
    {
      app: input('app'),
      name: input('name'),
      schedule: input('schedule'),
      run: input('run'),
      timeZone: input('time-zone'),
    },
    new Date(systemTiming.now()),
  );
  const { on, key, onRetry } = await gitopsInputs();
  const outputs = await runAddCronJob(
    { request, asking: { person: actor, run: runUrl }, dryRun: booleanInput('dry-run'), labels: [] },
    { on, timing: systemTiming, key, onRetry },
  );
  logText(cronJobText(outputs));
  await core.summary.addRaw(cronJobSummary(outputs), true).write();
  const { schedule } = outputs.result;
  core.setOutput('changed', outputs.reason === 'proposed');
  core.setOutput('reason', outputs.reason);
  core.setOutput('pull-request', outputs.pullRequest?.url ?? '');
  core.setOutput('words', schedule.words);
  core.setOutput('next', schedule.next.map((run) => run.toISOString()).join('\n'));
});
