/**
 * The stand-in for GitHub in a process of its own, so that it does not share an event loop with the writers that are
 * measured. Started by standin.ts, which also holds the types of what is said between the two.
 */
import { startGitHub } from '../../src/standin/github/server.ts';
import { gitopsFiles } from './gitops-files.ts';
import type { Answer, Order } from './standin.ts';

const github = await startGitHub();
const app = github.createApp({ slug: 'kajitori', permissions: { contents: 'write' } });
app.install('acme');
let logged = 0;

async function carryOut(order: Order): Promise<Answer> {
  switch (order.what) {
    case 'source': {
      const repository = await github.createRepository('acme/web', { files: { 'main.ts': '0\n' } });
      const commits: string[] = [];
      for (let nth = 0; nth < order.commits; nth++) {
        commits.push(await repository.commit({ 'main.ts': `${nth}\n` }, { message: `Commit ${nth}` }));
      }
      return { commits };
    }
    case 'gitops': {
      const files = gitopsFiles(order.files, order.recorded);
      const { gitDir } = await github.createRepository(order.repository, { files });
      return { gitDir };
    }
    case 'token':
      return { token: app.token('acme') };
    case 'latency':
      github.latencyMs = order.milliseconds;
      return {};
    case 'limit':
      github.limits.contentPerMinute = order.contentPerMinute ?? undefined;
      return {};
    case 'log': {
      const requests = github.log.slice(logged).map(({ operation, started, ended, status }) => ({
        operation,
        started: started.getTime(),
        ended: ended?.getTime() ?? Number.POSITIVE_INFINITY,
        status: status ?? 0,
      }));
      logged = github.log.length;
      return { requests };
    }
  }
}

process.on('message', ({ id, order }: { id: number; order: Order }) => {
  carryOut(order).then(
    (answer) => process.send?.({ id, answer }),
    (error: unknown) => process.send?.({ id, error: error instanceof Error ? error.stack : String(error) }),
  );
});
process.on('disconnect', () => {
  void github[Symbol.asyncDispose]().then(() => process.exit());
});
const { appId, clientId, privateKey } = app;
process.send?.({
  id: 0,
  answer: { url: github.url, apiUrl: github.apiUrl, app: { appId, clientId, privateKey } },
});
