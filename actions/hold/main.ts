import * as core from '@actions/core';
import { deployerInput } from '../../src/action/deployer-input.ts';
import { gitopsInputs } from '../../src/action/gitops-inputs.ts';
import { booleanInput, input, optionalBooleanInput, runnerContext } from '../../src/action/inputs.ts';
import { logText } from '../../src/action/log-text.ts';
import { runAction } from '../../src/action/run-action.ts';
import { systemTiming } from '../../src/github/timing.ts';
import { holdRequest, listHolds, runHold } from '../../src/release/hold.ts';
import { holdSummary, holdsSummary, holdsText, holdText } from '../../src/release/hold-report.ts';

await runAction(async () => {
  const now = new Date(systemTiming.now());
  const gitops = await gitopsInputs();
  if (booleanInput('list')) {
    const holds = await listHolds(gitops.on, now);
    logText(holdsText(holds, now));
    await core.summary.addRaw(holdsSummary(holds, now), true).write();
    return;
  }
  const deployer = deployerInput(gitops);
  const request = holdRequest(
    {
      apps: input('app'),
      environment: input('environment'),
      reason: input('reason'),
      until: input('until'),
      end: booleanInput('end'),
      by: deployer.name,
      run: runnerContext().runUrl,
      pullRequest: optionalBooleanInput('pull-request'),
    },
    now,
  );
  const outputs = await runHold(
    { request, dryRun: booleanInput('dry-run') },
    { ...gitops, deployer, timing: systemTiming },
  );
  logText(holdText(outputs));
  await core.summary.addRaw(holdSummary(outputs), true).write();
  core.setOutput('changed', outputs.changed);
  core.setOutput('commit', outputs.commit?.oid ?? '');
  core.setOutput('commit-url', outputs.commit?.url ?? '');
  core.setOutput('pull-request', outputs.pullRequest?.url ?? '');
});
