import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** One request that the stand-in answered; times in milliseconds since the epoch. */
export interface LoggedRequest {
  readonly operation: string;
  readonly started: number;
  readonly ended: number;
  readonly status: number;
}

/** What the process of the stand-in is told to do. */
export type Order =
  | { readonly what: 'source'; readonly commits: number }
  | {
      readonly what: 'gitops';
      readonly repository: string;
      readonly files: number;
      readonly recorded: string;
    }
  | { readonly what: 'token' }
  | { readonly what: 'latency'; readonly milliseconds: number }
  | { readonly what: 'limit'; readonly contentPerMinute: number | undefined }
  | { readonly what: 'log' };

export type Answer = Readonly<Record<string, unknown>>;

/** GitHub, as the benchmark uses it. */
export interface Standin extends AsyncDisposable {
  readonly url: string;
  readonly apiUrl: string;
  readonly app: { readonly clientId: string; readonly privateKey: string };
  /** A new acme/web with a line of commits, oldest first. */
  source(commits: number): Promise<readonly string[]>;
  /** A new GitOps repository of so many files, in which every app runs `recorded`; answers its bare repository. */
  gitops(repository: string, files: number, recorded: string): Promise<string>;
  /** An installation token, the same rights as the action asks for. */
  token(): Promise<string>;
  /** The round trip that is added to each HTTP request. */
  latency(milliseconds: number): Promise<void>;
  /** GitHub's limit on requests that create content; undefined: none. */
  limit(contentPerMinute: number | undefined): Promise<void>;
  /** The requests since this was last asked. */
  takeLog(): Promise<readonly LoggedRequest[]>;
}

export async function startStandin(): Promise<Standin> {
  const child = fork(fileURLToPath(new URL('./standin-process.ts', import.meta.url)), { stdio: 'inherit' });
  const waiting = new Map<number, PromiseWithResolvers<Answer>>();
  child.on('message', ({ id, answer, error }: { id: number; answer?: Answer; error?: string }) => {
    const waiter = waiting.get(id);
    waiting.delete(id);
    if (answer === undefined) {
      waiter?.reject(new Error(error));
    } else {
      waiter?.resolve(answer);
    }
  });
  child.on('exit', () => {
    for (const waiter of waiting.values()) {
      waiter.reject(new Error('The stand-in for GitHub ended.'));
    }
  });
  const answerOf = <Value>(id: number): Promise<Value> => {
    const waiter = Promise.withResolvers<Answer>();
    waiting.set(id, waiter);
    return waiter.promise as Promise<Value>;
  };
  let last = 0;
  const tell = <Value>(order: Order): Promise<Value> => {
    const id = ++last;
    child.send({ id, order });
    return answerOf<Value>(id);
  };
  const about = await answerOf<Pick<Standin, 'url' | 'apiUrl' | 'app'>>(0);
  return {
    ...about,
    source: async (commits) => (await tell<{ commits: string[] }>({ what: 'source', commits })).commits,
    gitops: async (repository, files, recorded) =>
      (await tell<{ gitDir: string }>({ what: 'gitops', repository, files, recorded })).gitDir,
    token: async () => (await tell<{ token: string }>({ what: 'token' })).token,
    latency: (milliseconds) => tell({ what: 'latency', milliseconds }),
    limit: (contentPerMinute) => tell({ what: 'limit', contentPerMinute }),
    takeLog: async () => (await tell<{ requests: LoggedRequest[] }>({ what: 'log' })).requests,
    [Symbol.asyncDispose]: async () => {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.disconnect();
      await ended;
    },
  };
}
