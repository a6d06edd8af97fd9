import * as core from '@actions/core';
import { booleanInput, input, numberInput, runnerContext } from '../../src/action/inputs.ts';
import { logText } from '../../src/action/log-text.ts';
import { markDeployed } from '../../src/action/mark-deployed.ts';
import { releaseRegistries } from '../../src/action/release-registries.ts';
import { runAction } from '../../src/action/run-action.ts';
import { waitDeps } from '../../src/action/wait-inputs.ts';
import { runFinish } from '../../src/deploy/finish.ts';
import { finishResult } from '../../src/deploy/finish-report.ts';
import { runWait } from '../../src/deploy/wait.ts';
import { waitResult } from '../../src/deploy/wait-report.ts';
import { finishRequest, waitRequest } from '../../src/deploy/wait-request.ts';

await runAction(async () => {
  const texts = {
    app: input('app'),
    environment: input('environment'),
    commit: input('commit'),
    deadlineMinutes: numberInput('deadline-minutes'),
    rollback: input('rollback'),
    run: runnerContext().runUrl,
  };
  const registries = await releaseRegistries();
  const deps = await waitDeps();
  const result = booleanInput('unfinished')
    ? finishResult(await runFinish(finishRequest(texts), deps))
    : waitResult(await runWait(waitRequest(texts), deps));
  logText(result.text);
  await core.summary.addRaw(result.summary, true).write();
  core.setOutput('verdict', result.verdict);
  core.setOutput('headline', result.headline);
  core.setOutput('clusters', result.clusters);
  core.setOutput('rolled-back-commit', result.rolledBackCommit);
  core.setOutput('pull-request', result.pullRequest);
  if (result.waitedFor.length > 0) {
    await markDeployed(registries, deps, result.waitedFor);
  }
  if (result.exitCode !== 0) {
    core.error(result.error, { title: result.exitCode === 1 ? 'The deploy failed' : 'Could not find out' });
    process.exitCode = result.exitCode;
  }
});
