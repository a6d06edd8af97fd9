import path from 'node:path';
import * as core from '@actions/core';
import { booleanInput, input, requiredInput, runnerContext } from '../../src/action/inputs.ts';
import { logText } from '../../src/action/log-text.ts';
import { pullRequestOfRun } from '../../src/action/pull-request-event.ts';
import { runAction } from '../../src/action/run-action.ts';
import { diffSummary } from '../../src/diff/comment.ts';
import { writePage } from '../../src/diff/page-file.ts';
import { publishDiff, publishNotLookedAt, whereThePageIs } from '../../src/diff/publish.ts';
import { openRenderer } from '../../src/diff/render-side.ts';
import { countRisks } from '../../src/diff/report.ts';
import { type DiffOutputs, notRenderedFailure, runDiff } from '../../src/diff/run-diff.ts';
import { diffText } from '../../src/diff/terminal.ts';
import { createGitHubClient } from '../../src/github/client.ts';
import { parseRepositoryName } from '../../src/github/repository-name.ts';
import { systemTiming } from '../../src/github/timing.ts';

await runAction(async () => {
  const { apiUrl, serverUrl, repository, runUrl } = runnerContext();
  const pullRequest = await pullRequestOfRun();
  const conversation =
    booleanInput('comment') && pullRequest !== undefined
      ? {
          head: pullRequest.head,
          client: createGitHubClient({ apiUrl, token: input('token'), timing: systemTiming }),
          on: {
            repository: parseRepositoryName(repository),
            pullRequest: pullRequest.number,
            name: requiredInput('name'),
          },
        }
      : undefined;
  const renderer = openRenderer(process.env, systemTiming.now);
  let outputs: DiffOutputs;
  try {
    outputs = await runDiff(
      {
        root: path.resolve(requiredInput('path')),
        base: requiredInput('base'),
        pullRequest,
        app: input('app'),
        cluster: input('cluster'),
      },
      { render: renderer.render, urls: [`${serverUrl}/${repository}`], onProgress: logText },
    );
  } catch (error) {
    if (conversation !== undefined) {
      const { client, on, head } = conversation;
      // What made it fail is what counts, whatever becomes of the comment.
      await publishNotLookedAt({ head, error, runUrl }, client, on).catch((refused: unknown) =>
        logText(`A comment of an older commit may still be there: ${String(refused)}`),
      );
    }
    throw error;
  }
  const { report, exitCode } = outputs;
  await renderer.close();
  logText(diffText(report));
  const html = input('html');
  if (html !== undefined) await writePage(html, report);
  const page = whereThePageIs(input('artifact'), runUrl);
  await core.summary.addRaw(diffSummary(report), true).write();
  core.setOutput('changed', report.blocks.length > 0);
  core.setOutput('affected', report.applications.affected);
  core.setOutput('applications', report.applications.total);
  core.setOutput('risks', countRisks(report, 'high'));
  core.setOutput('not-rendered', report.notRendered.length);
  core.setOutput('html', html ?? '');

  if (conversation !== undefined) {
    const outcome = await publishDiff(report, conversation.client, { ...conversation.on, page });
    if (outcome.refused === undefined) core.setOutput('comment', outcome.url ?? '');
    else
      core.warning(`${outcome.refused.message} ${outcome.refused.todo}`, {
        title: 'No comment; the report is in the job summary',
      });
  }
  if (exitCode !== 0) throw notRenderedFailure(report);
});
