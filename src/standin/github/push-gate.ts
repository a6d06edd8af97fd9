import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Actor } from './accounts.ts';
import { ApiError } from './answers.ts';
import { type Oid, parseCommit } from './git-objects.ts';
import type { Repository } from './repository.ts';

/** What the hook tells of one ref that a push wants to move. */
interface PushedRef {
  readonly ref: string;
  readonly before: Oid;
  readonly after: Oid;
  readonly fastForward: boolean;
  /** The new commits, as `git cat-file` prints them, base64. */
  readonly commits: readonly { readonly oid: Oid; readonly content: string }[];
  readonly workflowPaths: readonly string[];
}

/**
 * Asks about each push before git accepts it: a pre-receive hook sends what it sees in quarantine, and the same rules
 * as for the API answer. Only repositories with rules, and tokens without the `workflows` permission, are asked about:
 * a hook costs a process.
 */
export class PushGate implements AsyncDisposable {
  readonly #folder: string;
  readonly #socket: string;
  readonly #open = new Map<string, { repository: Repository; actor: Actor }>();
  #server: Server | undefined;
  readonly #sockets = new Set<Socket>();

  constructor(folder: string) {
    this.#folder = join(folder, 'hooks');
    this.#socket = join(folder, 'push.sock');
  }

  async start(hooksFolder: (path: string) => Promise<void>): Promise<void> {
    await hooksFolder(this.#folder);
    await writeFile(join(this.#folder, 'pre-receive'), hook, { mode: 0o755 });
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      void this.#answer(socket);
    });
    await new Promise<void>((resolve, reject) => {
      this.#server?.once('error', reject);
      this.#server?.listen(this.#socket, resolve);
    });
  }

  /** The environment that makes git ask about this push; undefined where nothing could forbid it. */
  open(
    repository: Repository,
    actor: Actor,
  ): { environment: Record<string, string>; close(): void } | undefined {
    const rules = repository.rulesets.length > 0 || repository.protection.size > 0;
    const token = actor.kind === 'installation-token' || actor.kind === 'actions-token';
    if (!rules && !(token && actor.permissions.workflows !== 'write')) return undefined;
    const push = randomUUID();
    this.#open.set(push, { repository, actor });
    return {
      environment: {
        GIT_CONFIG_COUNT: '1',
        GIT_CONFIG_KEY_0: 'core.hooksPath',
        GIT_CONFIG_VALUE_0: this.#folder,
        STANDIN_NODE: process.execPath,
        STANDIN_SOCKET: this.#socket,
        STANDIN_PUSH: push,
      },
      close: () => this.#open.delete(push),
    };
  }

  async #answer(socket: Socket): Promise<void> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of socket) chunks.push(chunk as Buffer);
      const asked = JSON.parse(Buffer.concat(chunks).toString('utf8')) as { push: string; refs: PushedRef[] };
      const known = this.#open.get(asked.push);
      socket.end(
        known === undefined ? 'unknown push\n' : await judge(known.repository, known.actor, asked.refs),
      );
    } catch (error) {
      socket.end(`${error instanceof Error ? error.message : String(error)}\n`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => {
      if (this.#server === undefined) resolve();
      else this.#server.close(() => resolve());
    });
    await rm(this.#socket, { force: true });
  }
}

/** What git shows the person who pushes; empty when the push may pass. */
async function judge(repository: Repository, actor: Actor, refs: readonly PushedRef[]): Promise<string> {
  for (const { ref, before, after, fastForward, commits, workflowPaths } of refs) {
    const parsed = commits.map(({ oid, content }) => parseCommit(oid, Buffer.from(content, 'base64')));
    try {
      repository.demandWorkflowPermission(actor, workflowPaths);
      await repository.demandRules(actor, ref, before, after, {
        fastForward,
        signed: parsed.every((commit) => repository.isVerified(commit)),
        hasMerges: parsed.some(({ parents }) => parents.length > 1),
      });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const broken = error.message.split('\n\n').filter((line) => line.trim() !== '');
      const byRuleset = broken[0] === 'Repository rule violations found';
      const head = byRuleset
        ? [
            `error: GH013: Repository rule violations found for ${ref}.`,
            `Review all repository rules at ${repository.url}/rules`,
          ]
        : [`error: GH006: Protected branch update failed for ${ref}.`];
      const details = (byRuleset ? broken.slice(1) : broken).map((line) => `- ${line}`);
      return `${[...head, '', ...details.flatMap((line) => [line, ''])].join('\n')}\n`;
    }
  }
  return '';
}

// Runs as git's pre-receive hook, in the quarantine of the push: only here are the new objects visible.
const hook = `#!/bin/sh
exec "$STANDIN_NODE" --input-type=module -e '
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
const git = (...args) => execFileSync("git", args, { maxBuffer: 1 << 28, stdio: ["ignore", "pipe", "ignore"] });
const tries = (...args) => { try { git(...args); return true; } catch { return false; } };
const none = /^0+$/;
const refs = readFileSync(0, "utf8").trim().split("\\n").map((line) => {
  const [before, after, ref] = line.split(" ");
  if (none.test(after)) return { ref, before, after, fastForward: true, commits: [], workflowPaths: [] };
  const fastForward = none.test(before) || tries("merge-base", "--is-ancestor", before, after);
  const list = git("rev-list", after, "--not", "--all").toString().split("\\n").filter(Boolean);
  const commits = list.map((oid) => ({ oid, content: git("cat-file", "commit", oid).toString("base64") }));
  const workflowPaths = list.flatMap((oid) =>
    git("diff-tree", "--root", "--no-commit-id", "--name-only", "-r", "-m", "-z", oid, "--", ".github/workflows").toString().split("\\0").filter(Boolean));
  return { ref, before, after, fastForward, commits, workflowPaths };
});
const socket = connect({ path: process.env.STANDIN_SOCKET, allowHalfOpen: true });
socket.end(JSON.stringify({ push: process.env.STANDIN_PUSH, refs }));
let said = "";
socket.on("data", (chunk) => { said += chunk; });
socket.on("end", () => { process.stderr.write(said); process.exitCode = said === "" ? 0 : 1; });
socket.on("error", (error) => { process.stderr.write(String(error)); process.exitCode = 1; });
'
`;
