import { describe, expect, test } from 'vitest';
import { virtualTiming } from '../../test/virtual-timing.ts';
import { createGitHubClient } from '../github/client.ts';
import { startGitHub } from '../standin/github/server.ts';
import { type CronJobTexts, cronJobRequest } from './compute-cron-job.ts';
import { cronJobText, runAddCronJob } from './run-add-cron-job.ts';

const KAJITORI_YAML = `apiVersion: kajitori.dev/v1
environments: { production: { clusters: [prod-1] } }
clusters: { prod-1: { kubernetes: "1.34", region: ap-northeast-1, account: "222222222222" } }
registries: ["333333333333.dkr.ecr.ap-northeast-1.amazonaws.com"]
`;

const VALUES = `# The shop.
web: { port: 8080 } # as in the Dockerfile

cron:
  # Finance reads it at 9.
  daily-report:
    schedule: "0 3 * * *"
    run: rake report:daily   # slow

# Kept in Parameter Store.
secrets: [DATABASE_URL]
`;

async function company(values: string | undefined = VALUES, files: Readonly<Record<string, string>> = {}) {
  const github = await startGitHub();
  const gitops = await github.createRepository('acme/gitops', {
    files: {
      'kajitori.yaml': KAJITORI_YAML,
      'apps/web/app.yaml': 'app: { team: shop, sources: [acme/web] }\n',
      'apps/web/values.yaml': values,
      ...files,
    },
  });
  const app = github.createApp({
    slug: 'kajitori',
    permissions: { contents: 'write', pull_requests: 'write' },
  });
  app.install('acme', ['gitops']);
  const timing = virtualTiming();
  return {
    gitops,
    [Symbol.asyncDispose]: () => github[Symbol.asyncDispose](),
    add: async (texts: Partial<CronJobTexts> = {}) =>
      runAddCronJob(
        {
          request: cronJobRequest(
            {
              app: 'web',
              name: 'tidy',
              schedule: '*/10 9-17 * * mon-fri',
              run: 'rake tidy',
              timeZone: undefined,
              ...texts,
            },
            new Date(timing.now()),
          ),
          asking: { person: 'ann', run: undefined },
          dryRun: false,
          labels: [],
        },
        {
          on: {
            kind: 'github',
            client: createGitHubClient({ apiUrl: github.apiUrl, token: app.token('acme'), timing }),
            target: { repository: { owner: 'acme', name: 'gitops' } },
          },
          timing,
          key: `test/${Math.random()}`,
        },
      ),
  };
}

describe('a cron job', () => {
  test('is three lines at their place in the values; comments and all else stay', async () => {
    await using at = await company();
    const outputs = await at.add();
    expect(outputs).toMatchObject({ reason: 'proposed', pullRequest: { number: 1 } });
    const before = VALUES.split('\n');
    const after = (await at.gitops.read('apps/web/values.yaml', 'kajitori/cron/web/tidy'))?.split('\n') ?? [];
    const added = after.filter((line) => !before.includes(line));
    expect(added).toEqual(['  tidy:', '    schedule: "*/10 9-17 * * mon-fri"', '    run: rake tidy']);
    expect(after.filter((line) => !added.includes(line))).toEqual(before);
    expect(after.indexOf('  tidy:')).toBe(after.indexOf('    run: rake report:daily   # slow') + 1);
  });

  test('is explained in words with its next three runs, in the time zone of the platform team', async () => {
    await using at = await company(VALUES, {
      'defaults/platform.yaml': 'platform: { cron: { timeZone: Asia/Tokyo } }\n',
      'charts/app/values.yaml': 'platform: { cron: { timeZone: Etc/UTC } }\n',
    });
    const outputs = await at.add({ schedule: '0 3 * * *' });
    expect(cronJobText(outputs)).toContain(
      '0 3 * * *: At 03:00 (Asia/Tokyo). Next: Sun, 22 Nov 2026, 03:00; Mon, 23 Nov 2026, 03:00; Tue, 24 Nov 2026, 03:00.',
    );
    expect(at.gitops.pullRequests()[0]?.body).toContain('runs at 03:00 (`0 3 * * *`, Asia/Tokyo)');
    expect(await at.gitops.read('apps/web/values.yaml', 'kajitori/cron/web/tidy')).not.toContain('timeZone');
  });

  test('has its own time zone when one is given', async () => {
    await using at = await company('web: { port: 8080 }\n');
    await at.add({ timeZone: 'Europe/Berlin' });
    expect(await at.gitops.read('apps/web/values.yaml', 'kajitori/cron/web/tidy')).toBe(`web: { port: 8080 }
cron:
  tidy:
    schedule: "*/10 9-17 * * mon-fri"
    run: rake tidy
    timeZone: Europe/Berlin
`);
  });

  test('asked for twice is one pull request; one that is there already is left alone', async () => {
    await using at = await company();
    await at.add();
    expect(await at.add()).toMatchObject({ reason: 'already-proposed', pullRequest: { number: 1 } });
    expect(
      await at.add({ name: 'daily-report', schedule: '0 3 * * *', run: 'rake report:daily' }),
    ).toMatchObject({ reason: 'already-there', pullRequest: undefined });
    expect(at.gitops.pullRequests()).toHaveLength(1);
  });

  test('cannot take the name of another job or of a worker, nor be in an app that is not there', async () => {
    await using at = await company(
      'workers: { mailer: { run: bin/mailer } }\ncron: { a: { schedule: "0 1 * * *", run: b } }\n',
    );
    await expect(at.add({ name: 'a' })).rejects.toMatchObject({
      exitCode: 1,
      reason: 'taken',
      at: { file: 'apps/web/values.yaml', line: 2 },
    });
    await expect(at.add({ name: 'mailer' })).rejects.toMatchObject({ reason: 'taken', at: { line: 1 } });
    await expect(at.add({ app: 'wep' })).rejects.toMatchObject({
      reason: 'unknown-app',
      message: expect.stringContaining('Did you mean "web"?'),
    });
    expect(at.gitops.pullRequests()).toEqual([]);
  });

  test.each(['app', 'name', 'schedule', 'run', 'timeZone'] as const)(
    'is refused with hostile text in the field %s, and nothing is proposed',
    async (field) => {
      await using at = await company();
      const before = await at.gitops.branches();
      for (const text of [
        '../web',
        '..',
        'a'.repeat(600),
        '🦊;',
        '$(touch x)',
        '`id`',
        '${{ secrets.TOKEN }}',
        'x\n  evil: { run: y }',
        '*a',
        '"',
      ]) {
        if (field === 'run' && /^\.\.(?:\/web)?$/.test(text)) {
          continue; // A path is a fine command: it is looked for in the image.
        }
        await expect(at.add({ [field]: text }), text).rejects.toMatchObject({ name: 'Failure', exitCode: 2 });
      }
      expect(await at.gitops.branches()).toEqual(before);
    },
  );
});
