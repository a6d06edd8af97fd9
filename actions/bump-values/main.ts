import { randomUUID } from 'node:crypto';
import * as core from '@actions/core';
import {
  accessInputs,
  booleanInput,
  input,
  numberInput,
  optionalBooleanInput,
  requiredInput,
  runnerContext,
} from '../../src/action/inputs.ts';
import { logText } from '../../src/action/log-text.ts';
import { markDeployed } from '../../src/action/mark-deployed.ts';
import { releaseRegistries } from '../../src/action/release-registries.ts';
import { runAction } from '../../src/action/run-action.ts';
import { openGitHub } from '../../src/github/access.ts';
import { createGitHubClient } from '../../src/github/client.ts';
import { parseRepositoryName } from '../../src/github/repository-name.ts';
import { systemTiming } from '../../src/github/timing.ts';
import { runBump } from '../../src/release/bump.ts';
import { bumpSummary, bumpText } from '../../src/release/bump-report.ts';
import { bumpRequest, splitList } from '../../src/release/bump-request.ts';
import { gitHubSourceHistory, NO_HISTORY } from '../../src/release/source-history.ts';
import { couldNot } from '../../src/report/failure.ts';

await runAction(async () => {
  const context = runnerContext();
  const repository = parseRepositoryName(requiredInput('repository'));
  const request = bumpRequest({
    app: input('app'),
    environment: input('environment'),
    image: input('image'),
    tag: input('tag'),
    digest: input('digest'),
    files: input('files'),
    set: input('set'),
    // Not an input: GitHub says which repository runs, the workflow cannot.
    source: `${context.repository}@${input('commit') ?? context.commit}`,
    build: input('build'),
    workflow: context.workflow,
    force: booleanInput('force'),
    override: input('override'),
    reason: input('reason'),
    run: context.runUrl,
    pullRequest: optionalBooleanInput('pull-request'),
  });
  const client = await openGitHub(accessInputs(), {
    apiUrl: context.apiUrl,
    repository,
    permissions: { contents: 'write', pull_requests: 'write' },
    timing: systemTiming,
    onToken: core.setSecret,
  });
  const sourceReader = createGitHubClient({
    apiUrl: context.apiUrl,
    token: input('source-token'),
    timing: systemTiming,
  });
  const registries = await releaseRegistries();
  if (request.kind === 'explicit' && (registries.checkImages ?? registries.markLive) !== undefined) {
    throw couldNot('check-image and mark-live do not go with files and set.', {
      todo: 'Leave them out: without kajitori.yaml nobody knows the clusters.',
      reason: 'bad-input',
    });
  }
  const target = { repository, branch: input('branch') };
  const outputs = await runBump(
    {
      request,
      dryRun: booleanInput('dry-run'),
      labels: splitList(input('labels') ?? ''),
      autoMerge: booleanInput('auto-merge'),
      patienceMs: (numberInput('timeout-minutes') ?? 5) * 60_000,
    },
    {
      on: { kind: 'github', client, target },
      history: request.kind === 'apps' ? gitHubSourceHistory(sourceReader, request.build.source) : NO_HISTORY,
      timing: systemTiming,
      key: `${context.runKey}/${randomUUID()}`,
      onRetry: (reason, attempt, pauseMs) =>
        logText(`${reason}; attempt ${attempt + 1} in ${(pauseMs / 1000).toFixed(1)} s`),
      ...(registries.checkImages === undefined ? {} : { checkImages: registries.checkImages }),
    },
  );
  logText(bumpText(outputs));
  await core.summary.addRaw(bumpSummary(outputs), true).write();
  core.setOutput('changed', outputs.changed);
  core.setOutput('reason', outputs.reason);
  core.setOutput('commit', outputs.commit?.oid ?? '');
  core.setOutput('commit-url', outputs.commit?.url ?? '');
  core.setOutput('pull-request', outputs.pullRequest?.url ?? '');
  core.setOutput('files', [...outputs.edits.keys()].join('\n'));
  core.setOutput('clusters', outputs.clusters.join('\n'));
  if (request.kind === 'apps' && outputs.reason !== 'would-bump') {
    await markDeployed(registries, { client, target }, [request]);
  }
});
