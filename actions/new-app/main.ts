import * as core from '@actions/core';
import { gitopsInputs } from '../../src/action/gitops-inputs.ts';
import { booleanInput, input, numberInput, runnerContext } from '../../src/action/inputs.ts';
import { answeringIssue } from '../../src/action/issue-answer.ts';
import { logText } from '../../src/action/log-text.ts';
import { runAction } from '../../src/action/run-action.ts';
import { systemTiming } from '../../src/github/timing.ts';
import { newAppAnswer, newAppSummary, newAppText } from '../../src/scaffold/new-app-report.ts';
import { newAppRequest, newAppTextsOfIssue } from '../../src/scaffold/new-app-request.ts';
import { runNewApp } from '../../src/scaffold/run-new-app.ts';
import { gitHubTeams } from '../../src/scaffold/team-directory.ts';

await runAction(() =>
  answeringIssue(async () => {
    const { actor, runUrl } = runnerContext();
    const form = input('form');
    const texts =
      form === undefined
        ? {
            name: input('name'),
            team: input('team'),
            source: input('source'),
            kind: input('kind'),
            spec: input('spec'),
          }
        : newAppTextsOfIssue(form);
    const request = newAppRequest(texts, new Date(systemTiming.now()));
    const { on, open, asApp, key, onRetry } = await gitopsInputs();
    const outputs = await runNewApp(
      {
        request,
        asking: { person: actor, run: runUrl },
        dryRun: booleanInput('dry-run'),
        labels: [],
        patienceMs: (numberInput('timeout-minutes') ?? 10) * 60_000,
      },
      {
        on,
        teams: gitHubTeams(() => open({ members: 'read' }), asApp),
        checks: () => open({ contents: 'write', pull_requests: 'write', checks: 'read', statuses: 'read' }),
        timing: systemTiming,
        key,
        onRetry,
      },
    );
    logText(newAppText(outputs));
    await core.summary.addRaw(newAppSummary(outputs), true).write();
    core.setOutput('changed', outputs.reason === 'proposed');
    core.setOutput('reason', outputs.reason);
    core.setOutput('pull-request', outputs.pullRequest?.url ?? '');
    core.setOutput('merged', outputs.merge?.merged ?? false);
    core.setOutput('files', [...outputs.edits.keys()].join('\n'));
    return newAppAnswer(outputs);
  }),
);
