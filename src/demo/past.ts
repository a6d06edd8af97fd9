import { runHistory } from '../history/history.ts';
import { historyJson, historyText } from '../history/history-report.ts';
import { readSourceTimes } from '../history/source-times.ts';
import { readVerdicts } from '../release/verdict.ts';
import { GITOPS, GITOPS_REPOSITORY, WEB_REPOSITORY } from './company.ts';
import type { Scene } from './scene.ts';

const DAY_MS = 86_400_000;

/** Chapter: what git and the verdicts remember of production. Returns what `kajitori history --json` prints. */
export const past = ({ narrator, company, timing }: Scene): Promise<object> =>
  narrator.chapter('What is remembered', async (chapter) => {
    chapter.tell(
      'Every deploy, who made it, how it ended, and how long it took are in git and in the commit statuses. There is no other database:',
    );
    chapter.command(`kajitori history web --environment production --repository ${GITOPS_REPOSITORY}`);
    const client = await company.signIn({ contents: 'read', statuses: 'read' });
    const now = new Date(timing.now());
    const history = await runHistory(
      {
        app: 'web',
        team: undefined,
        environment: 'production',
        since: new Date(now.getTime() - DAY_MS),
        now,
      },
      {
        on: { kind: 'github', client, target: { repository: GITOPS } },
        verdictsOf: (commits) => readVerdicts(client, GITOPS, commits),
        sourceTimesOf: (sources) => readSourceTimes(company.reader(WEB_REPOSITORY), sources),
      },
    );
    chapter.show(historyText(history));
    const [web] = history.apps;
    chapter.holds('Four deploys and the way back, each with its verdict: newest first.', {
      found: web?.past.releases.map(({ action, verdict }) => [action, verdict]),
      expected: [
        ['bump', 'healthy'],
        ['rollback', 'healthy'],
        ['promote', 'failed'],
        ['promote', 'healthy'],
        ['bump', 'healthy'],
      ],
    });
    return historyJson(history);
  });
