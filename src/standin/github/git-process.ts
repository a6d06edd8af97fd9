import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import type { ObjectType, Oid } from './git-objects.ts';

/** A git process failed; the message is what git said. */
export class GitError extends Error {
  override readonly name = 'GitError';
}

/**
 * The environment of every git process of the stand-in: nothing of the person's own configuration, nothing of a
 * repository that a hook or a test happens to run in.
 */
export function gitEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('GIT_'));
  return {
    ...Object.fromEntries(kept),
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
    LC_ALL: 'C',
  };
}

/** Runs git once. Exit codes in `allowed` (0 without it) are answers, others throw a `GitError`. */
export function git(
  folder: string,
  args: readonly string[],
  options: { input?: AsyncIterable<string | Uint8Array> | string; allowed?: readonly number[] } = {},
): Promise<{ code: number; out: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn('git', ['-C', folder, ...args], { env: gitEnvironment() });
    const out: Buffer[] = [];
    const said: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => said.push(chunk));
    child.on('error', reject);
    child.on('close', (code) => {
      if (code !== null && (options.allowed ?? [0]).includes(code)) {
        resolve({ code, out: Buffer.concat(out).toString('utf8') });
      } else {
        reject(new GitError(`git ${args[0]}: ${Buffer.concat(said).toString('utf8').trim()}`));
      }
    });
    child.stdin.on('error', () => {}); // git that failed early closes its input; its exit code tells
    if (typeof options.input === 'object') {
      const input = options.input;
      const feed = async (): Promise<void> => {
        for await (const chunk of input) {
          if (!child.stdin.write(chunk)) await new Promise((ready) => child.stdin.once('drain', ready));
        }
        child.stdin.end();
      };
      feed().catch((error: unknown) => {
        child.kill();
        reject(error instanceof Error ? error : new Error(String(error)));
      });
    } else {
      child.stdin.end(options.input ?? '');
    }
  });
}

export interface GitObject {
  readonly oid: Oid;
  readonly type: ObjectType;
  readonly content: Buffer;
}

interface Question {
  /** The answer carries the object's content, not only its type and size. */
  readonly wantsContent: boolean;
  readonly resolve: (answer: { header: string; content: Buffer | undefined }) => void;
  readonly reject: (error: Error) => void;
}

/**
 * One `git cat-file --batch-command` kept open, so that a read costs no process. It sees objects and refs that other
 * processes add: git looks again at packs and loose refs when it misses something.
 */
export class ObjectReader implements Disposable {
  readonly #folder: string;
  #child: ChildProcessWithoutNullStreams | undefined;
  readonly #questions: Question[] = [];
  #chunks: Buffer[] = [];
  #length = 0;
  #needed = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The object of a full object id or a full ref name (the caller checks its form); undefined where there is none. */
  async read(name: string): Promise<GitObject | undefined> {
    const { header, content } = await this.#ask(`contents ${name}`);
    const [oid, type] = header.split(' ');
    if (content === undefined || oid === undefined) return undefined;
    return { oid, type: type as ObjectType, content };
  }

  /** Which object a name stands for, without its content. */
  async find(name: string): Promise<{ oid: Oid; type: ObjectType; size: number } | undefined> {
    const { header } = await this.#ask(`info ${name}`);
    const [oid, type, size] = header.split(' ');
    if (oid === undefined || size === undefined) return undefined;
    return { oid, type: type as ObjectType, size: Number(size) };
  }

  [Symbol.dispose](): void {
    this.#child?.kill();
    this.#child = undefined;
  }

  #ask(command: string): Promise<{ header: string; content: Buffer | undefined }> {
    const child = this.#child ?? this.#start();
    return new Promise((resolve, reject) => {
      this.#questions.push({ wantsContent: command.startsWith('contents '), resolve, reject });
      child.stdin.write(`${command}\n`);
    });
  }

  #start(): ChildProcessWithoutNullStreams {
    const child = spawn('git', ['-C', this.#folder, 'cat-file', '--batch-command'], {
      env: gitEnvironment(),
    });
    this.#child = child;
    child.stdout.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#length += chunk.length;
      if (this.#length >= this.#needed) this.#drain();
    });
    child.stdin.on('error', () => {});
    child.on('error', (error) => this.#fail(error));
    child.on('close', () => this.#fail(new GitError(`git cat-file ended in ${this.#folder}`)));
    return child;
  }

  #drain(): void {
    let data = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks);
    this.#needed = 0;
    for (;;) {
      const end = data.indexOf(0x0a);
      if (end < 0) break;
      const header = data.toString('utf8', 0, end);
      const words = header.split(' ');
      const found = words.length === 3 && words[1] !== 'missing';
      let next = end + 1;
      let content: Buffer | undefined;
      if (found && this.#questions[0]?.wantsContent === true) {
        const size = Number(words[2]);
        next = end + 1 + size + 1;
        if (data.length < next) {
          this.#needed = next;
          break;
        }
        content = Buffer.from(data.subarray(end + 1, end + 1 + size));
      }
      this.#questions.shift()?.resolve({ header: found ? header : '', content });
      data = data.subarray(next);
    }
    this.#chunks = data.length === 0 ? [] : [data];
    this.#length = data.length;
  }

  #fail(error: Error): void {
    this.#child = undefined;
    this.#chunks = [];
    this.#length = 0;
    this.#needed = 0;
    for (const question of this.#questions.splice(0)) question.reject(error);
  }
}

/**
 * One `git update-ref --stdin` kept open. A transaction is all or nothing, and git compares the old values under its
 * own lock: a `git push` at the same moment cannot slip in between. It ends at the first refusal; the next one starts anew.
 */
export class RefWriter implements Disposable {
  readonly #folder: string;
  #child: ChildProcessWithoutNullStreams | undefined;
  #said = '';
  #answers = '';
  #waiting: { resolve(): void; reject(error: Error): void } | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Callers take turns. A lost compare-and-swap is a `GitError` that ends in "is at X but expected Y". */
  update(lines: readonly string[]): Promise<void> {
    const child = this.#child ?? this.#start();
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#answers = '';
      child.stdin.write(`${['start', ...lines, 'commit'].join('\n')}\n`);
    });
  }

  [Symbol.dispose](): void {
    this.#child?.kill();
    this.#child = undefined;
  }

  #start(): ChildProcessWithoutNullStreams {
    const child = spawn('git', ['-C', this.#folder, 'update-ref', '--stdin'], { env: gitEnvironment() });
    this.#child = child;
    this.#said = '';
    child.stdout.on('data', (chunk: Buffer) => {
      this.#answers += chunk.toString('utf8');
      if (!this.#answers.includes('commit: ok\n')) return;
      const waiting = this.#waiting;
      this.#waiting = undefined;
      waiting?.resolve();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      this.#said += chunk.toString('utf8');
    });
    child.stdin.on('error', () => {});
    const ended = (error: Error): void => {
      if (this.#child === child) this.#child = undefined;
      const waiting = this.#waiting;
      this.#waiting = undefined;
      waiting?.reject(error);
    };
    child.on('error', ended);
    child.on('close', () => ended(new GitError(this.#said.trim())));
    return child;
  }
}
