/**
 * The steps of `.github/workflows/publish.yml` that decide or write something; each may be run again.
 *
 *     node scripts/release.ts plan VERSION                what would happen; for the workflow, as outputs
 *     node scripts/release.ts tag VERSION DIST            commits DIST as dist/ beside HEAD, pushes vX.Y.Z
 *     node scripts/release.ts package VERSION FOLDER      writes the npm package of the tag into FOLDER
 *     node scripts/release.ts move-major VERSION          moves vX to it, unless something newer is released
 */
import { appendFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { couldNot, Failure, formatFailure } from '../src/report/failure.ts';
import { planRelease } from './release/plan.ts';
import { moveMajorTag, pushTag, releaseCommit, remoteTags, writePackage } from './release/repository.ts';

const repository = fileURLToPath(new URL('..', import.meta.url));
const remote = 'origin';

async function main([step, version = '', folder]: readonly string[]): Promise<string> {
  const tags = await remoteTags(repository, remote);
  const plan = planRelease(version, [...tags.keys()]);
  if (step === 'plan') {
    const outputs = { tag: plan.tag, latest: plan.isLatest, 'npm-tag': plan.npmTag };
    const lines = Object.entries(outputs).map(([name, value]) => `${name}=${value}\n`);
    if (process.env.GITHUB_OUTPUT) appendFileSync(process.env.GITHUB_OUTPUT, lines.join(''));
    return lines.join('').trim();
  }
  if (step === 'move-major') return `${plan.majorTag}: ${await moveMajorTag(repository, remote, plan)}`;
  if (folder === undefined)
    throw couldNot('a folder is missing', { todo: 'see the top of scripts/release.ts' });
  if (step === 'tag') {
    const { stdout: source } = await execa('git', ['rev-parse', 'HEAD'], { cwd: repository });
    const commit = await releaseCommit(repository, { version, source, dist: resolve(folder) });
    return `${plan.tag} (${commit}): ${await pushTag(repository, remote, plan.tag, commit)}`;
  }
  if (step === 'package') {
    const commit = tags.get(plan.tag);
    if (commit === undefined)
      throw couldNot(`there is no tag ${plan.tag} yet`, { todo: 'run the step `tag` first' });
    await execa('git', ['fetch', '--quiet', remote, commit], { cwd: repository });
    await writePackage(repository, commit, resolve(folder));
    return `package of ${plan.tag} in ${folder}`;
  }
  throw couldNot(`unknown step: ${step}`, { todo: 'see the top of scripts/release.ts' });
}

try {
  console.log(await main(process.argv.slice(2)));
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  console.error(formatFailure(error));
  process.exitCode = error.exitCode;
}
