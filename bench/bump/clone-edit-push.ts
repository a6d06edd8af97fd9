import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { systemTiming } from '../../src/github/timing.ts';
import { gitSettings } from '../../test/git-settings.ts';
import { releaseFile, releaseText } from './gitops-files.ts';
import type { Standin } from './standin.ts';
import type { Deploy, Writer } from './writer.ts';

export interface ByClone {
  readonly standin: Standin;
  readonly repository: string;
  readonly commits: readonly string[];
  readonly token: string;
  /** `shallow`: depth 1. `sparse`: depth 1, no blobs but those of the app's folder. */
  readonly clone: 'shallow' | 'sparse';
}

const STALE = /fetch first|non-fast-forward|cannot lock ref|failed to update ref|remote rejected/;

/**
 * One attempt of clone, edit, commit, push by real git. The file is written whole, without parsing: less work than any
 * real tool does.
 *
 * @returns false when somebody else pushed first
 */
export async function cloneEditPush(at: ByClone, writer: Writer): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), 'kajitori-bench-'));
  const git = execa({
    cwd: folder,
    env: gitSettings(
      { login: 'x-access-token', token: at.token },
      { 'user.name': 'deploy', 'user.email': 'deploy@example.com', 'maintenance.auto': 'false' },
    ),
  });
  try {
    const url = `${at.standin.url}/${at.repository}.git`;
    if (at.clone === 'shallow') {
      await git`git clone --quiet --depth 1 ${url} .`;
    } else {
      await git`git clone --quiet --depth 1 --filter=blob:none --sparse ${url} .`;
      await git`git sparse-checkout set ${`apps/${writer.app}`}`;
    }
    const file = join(folder, releaseFile(writer.app));
    await readFile(file);
    await writeFile(file, releaseText(writer.app, writer.nth, at.commits[writer.nth] ?? ''));
    await git`git commit --quiet --all --message ${message(at, writer)}`;
    try {
      await git`git push --quiet origin HEAD:main`;
    } catch (error) {
      if (STALE.test(String(error))) {
        return false;
      }
      throw error;
    }
    return true;
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

const message = (at: ByClone, { app, nth, key }: Writer): string =>
  `Deploy ${app} build-${nth}\n\nKajitori-App: ${app}\nKajitori-Source: acme/web@${at.commits[nth]}\nKajitori-Key: ${key}`;

/** How the peer tries again (quipper/monorepo-deploy-actions, git-push-service). */
export const PEERS_POLICY = { attempts: 50, pauseMs: 10_000 } as const;

export const deployByClone =
  (at: ByClone): Deploy =>
  async (writer) => {
    for (let attempts = 1; attempts <= PEERS_POLICY.attempts; attempts++) {
      if (await cloneEditPush(at, writer)) {
        return { said: 'wrote', attempts };
      }
      await systemTiming.sleep(Math.random() * PEERS_POLICY.pauseMs);
    }
    return { said: 'gave-up', attempts: PEERS_POLICY.attempts };
  };
