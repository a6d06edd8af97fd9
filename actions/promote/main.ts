import * as core from '@actions/core';
import { deployerInput } from '../../src/action/deployer-input.ts';
import { gitopsInputs } from '../../src/action/gitops-inputs.ts';
import { booleanInput, input, optionalBooleanInput, runnerContext } from '../../src/action/inputs.ts';
import { logText } from '../../src/action/log-text.ts';
import { markDeployed } from '../../src/action/mark-deployed.ts';
import { releaseRegistries } from '../../src/action/release-registries.ts';
import { runAction } from '../../src/action/run-action.ts';
import { readChecks } from '../../src/github/checks.ts';
import { createGitHubClient } from '../../src/github/client.ts';
import { parseRepositoryName } from '../../src/github/repository-name.ts';
import { systemTiming } from '../../src/github/timing.ts';
import { deploysOutput } from '../../src/release/deploys-output.ts';
import { type PromoteDeps, promoteDue, runPromote } from '../../src/release/promote.ts';
import { dueSummary, dueText, promoteSummary, promoteText } from '../../src/release/promote-report.ts';
import { promoteRequest } from '../../src/release/promote-request.ts';
import { gitHubSourceHistory } from '../../src/release/source-history.ts';

await runAction(async () => {
  const { runUrl, apiUrl } = runnerContext();
  const gitops = await gitopsInputs();
  const deployer = deployerInput(gitops);
  const texts = {
    apps: input('app'),
    to: input('to'),
    force: booleanInput('force'),
    override: input('override'),
    reason: input('reason'),
    by: deployer.name,
    run: runUrl,
    pullRequest: optionalBooleanInput('pull-request'),
    dryRun: booleanInput('dry-run'),
  };
  const sources = createGitHubClient({ apiUrl, token: input('source-token'), timing: systemTiming });
  const registries = await releaseRegistries();
  const deps: PromoteDeps = {
    ...gitops,
    deployer,
    historyOf: (source) => gitHubSourceHistory(sources, source),
    checksOf: (source, names) =>
      readChecks(sources, parseRepositoryName(source.repository), source.commit, names),
    checkImages: registries.checkImages,
    copyImage: registries.copyImage,
    timing: systemTiming,
  };
  if (booleanInput('due')) {
    const outcomes = await promoteDue(texts, deps);
    logText(dueText(outcomes));
    await core.summary.addRaw(dueSummary(outcomes), true).write();
    const promoted = outcomes.filter(({ state }) => state === 'promoted');
    core.setOutput('changed', promoted.length > 0);
    core.setOutput(
      'deploys',
      deploysOutput(promoted.map(({ app, to, commit }) => ({ app, environment: to, commit }))),
    );
    core.setOutput('promoted', promoted.map(({ app, to }) => `${app} ${to}`).join('\n'));
    if (promoted.length > 0) {
      await markDeployed(
        registries,
        gitops.on,
        promoted.map(({ app, to }) => ({ apps: [app], environment: to })),
      );
    }
    process.exitCode = outcomes.some(({ state }) => state === 'unknown') ? 2 : 0;
    return;
  }
  const outputs = await runPromote(promoteRequest(texts), deps);
  logText(promoteText(outputs));
  await core.summary.addRaw(promoteSummary(outputs), true).write();
  core.setOutput('changed', outputs.changed);
  core.setOutput(
    'promoted',
    outputs.changed
      ? outputs.candidates.map(({ app }) => `${app} ${outputs.result.environment}`).join('\n')
      : '',
  );
  core.setOutput('commit', outputs.commit?.oid ?? '');
  core.setOutput(
    'deploys',
    deploysOutput([
      {
        app: outputs.candidates.map(({ app }) => app).join(','),
        environment: outputs.result.environment,
        commit: outputs.commit?.oid,
      },
    ]),
  );
  core.setOutput('commit-url', outputs.commit?.url ?? '');
  core.setOutput('pull-request', outputs.pullRequest?.url ?? '');
  core.setOutput('clusters', outputs.result.clusters.join('\n'));
  if (outputs.changed) {
    await markDeployed(registries, gitops.on, [
      { apps: outputs.candidates.map(({ app }) => app), environment: outputs.result.environment },
    ]);
  }
});
