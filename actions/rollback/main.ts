import * as core from '@actions/core';
import { deployerInput } from '../../src/action/deployer-input.ts';
import { gitopsInputs } from '../../src/action/gitops-inputs.ts';
import { booleanInput, input, optionalBooleanInput, runnerContext } from '../../src/action/inputs.ts';
import { logText } from '../../src/action/log-text.ts';
import { markDeployed } from '../../src/action/mark-deployed.ts';
import { releaseRegistries } from '../../src/action/release-registries.ts';
import { runAction } from '../../src/action/run-action.ts';
import { systemTiming } from '../../src/github/timing.ts';
import { deploysOutput } from '../../src/release/deploys-output.ts';
import { runRollback } from '../../src/release/rollback.ts';
import { rollbackSummary, rollbackText } from '../../src/release/rollback-report.ts';
import { rollbackRequest } from '../../src/release/rollback-request.ts';

await runAction(async () => {
  const { runUrl, serverUrl } = runnerContext();
  const now = new Date(systemTiming.now());
  const gitops = await gitopsInputs();
  const deployer = deployerInput(gitops);
  const inputs = rollbackRequest(
    {
      apps: input('app'),
      environment: input('environment'),
      to: input('to'),
      reason: input('reason'),
      until: input('until'),
      by: deployer.name,
      run: runUrl,
      pullRequest: optionalBooleanInput('pull-request'),
      dryRun: booleanInput('dry-run'),
    },
    now,
  );
  const registries = await releaseRegistries();
  const outputs = await runRollback(inputs, {
    ...gitops,
    deployer,
    checkImages: registries.checkImages,
    timing: systemTiming,
  });
  logText(rollbackText(outputs, now, serverUrl));
  await core.summary.addRaw(rollbackSummary(outputs, now, serverUrl), true).write();
  core.setOutput('changed', outputs.changed);
  core.setOutput('commit', outputs.commit?.oid ?? '');
  core.setOutput(
    'deploys',
    deploysOutput([
      { app: inputs.apps.join(','), environment: inputs.environment, commit: outputs.commit?.oid },
    ]),
  );
  core.setOutput('commit-url', outputs.commit?.url ?? '');
  core.setOutput('pull-request', outputs.pullRequest?.url ?? '');
  core.setOutput('files', [...outputs.edits.keys()].join('\n'));
  core.setOutput('clusters', outputs.result.clusters.join('\n'));
  if (outputs.changed) {
    await markDeployed(registries, gitops.on, [inputs]);
  }
});
