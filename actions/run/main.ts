import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import * as core from '@actions/core';
import { booleanInput, input, numberInput, requiredInput, runnerContext } from '../../src/action/inputs.ts';
import { logText } from '../../src/action/log-text.ts';
import { runAction } from '../../src/action/run-action.ts';
import { createGitHubClient } from '../../src/github/client.ts';
import { parseRepositoryName } from '../../src/github/repository-name.ts';
import { systemTiming } from '../../src/github/timing.ts';
import { renderApp } from '../../src/render/app.ts';
import { plain } from '../../src/report/markdown.ts';
import { openWorkingCopy } from '../../src/repository/working-copy.ts';
import { approvalEnvironment, demandApproval } from '../../src/run-once/approval.ts';
import { parseCommand } from '../../src/run-once/command.ts';
import { eksCluster } from '../../src/run-once/eks.ts';
import { outcomeWords, runOnce } from '../../src/run-once/run-once.ts';
import { readConfig } from '../../src/scaffold/read-config.ts';

await runAction(async () => {
  const { actor = 'unknown', apiUrl, repository, runUrl } = runnerContext();
  const root = '.';
  const app = requiredInput('app');
  const environment = requiredInput('environment');
  const command = parseCommand(requiredInput('command'));
  const dryRun = booleanInput('dry-run');
  if (!dryRun) {
    await demandApproval(
      createGitHubClient({ apiUrl, token: input('token'), timing: systemTiming }),
      parseRepositoryName(repository),
      approvalEnvironment(app, environment),
    );
  }
  const config = await readConfig(await openWorkingCopy(root));
  const outputs = await runOnce(
    {
      app,
      environment,
      cluster: input('cluster'),
      component: input('component'),
      command,
      id: randomBytes(3).toString('hex'),
      person: actor,
      run: runUrl,
      deadlineSeconds: (numberInput('timeout-minutes') ?? 30) * 60,
      dryRun,
    },
    {
      config,
      render: (cluster) => renderApp({ root, config, app, environment, cluster }),
      cluster: async (cluster) =>
        eksCluster({
          name: input('eks-cluster') ?? cluster,
          region: config.clusters[cluster]?.region ?? '',
          role: requiredInput('aws-role'),
          idToken: await core.getIDToken('sts.amazonaws.com'),
          folder: process.env.RUNNER_TEMP ?? tmpdir(),
        }),
      line: logText,
      timing: systemTiming,
    },
  );
  const words = outcomeWords(outputs);
  logText(dryRun ? `${JSON.stringify(outputs.job, undefined, 2)}\n${words}` : words);
  await core.summary.addRaw(`### ${plain(words)}`, true).write();
  core.setOutput('job', outputs.job.metadata.name);
  core.setOutput('cluster', outputs.cluster);
  core.setOutput('exit-code', outputs.outcome?.exitCode ?? '');
  if (outputs.outcome !== undefined && outputs.outcome.exitCode !== 0) {
    core.error(words, { title: 'The command failed' });
    process.exitCode = 1;
  }
});
