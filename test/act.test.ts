import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import {
  type Company,
  type CompanyRun,
  foundCompany,
  HOSTILE,
  image,
  release,
  steps,
} from './act/company.ts';
import { releaseSuite } from './act/suite.ts';
import { ACCOUNT, createSigningKey, startAws } from './kms/aws.ts';
import { startOidcIssuer } from './kms/oidc-issuer.ts';

let suite: string;
beforeAll(async () => {
  suite = await mkdtemp(join(tmpdir(), 'kajitori-suite-'));
  await releaseSuite(suite);
});
afterAll(() => rm(suite, { recursive: true, force: true }));

/** The trailers of a commit, as git reads them. */
async function trailers(company: Company, commit = 'main'): Promise<readonly string[]> {
  const format = '%(trailers:only,unfold)';
  const { stdout } = await execa('git', ['log', '-1', `--format=${format}`, commit], {
    cwd: company.gitops.gitDir,
  });
  return stdout.split('\n').filter(Boolean);
}

async function temporaryFolder() {
  const path = await mkdtemp(join(tmpdir(), 'kajitori-act-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

const stepsOf = (run: CompanyRun, job: string) =>
  JSON.parse(run.needed[job]?.outputs.steps ?? '{}') as Record<
    string,
    { readonly outcome: string; readonly outputs: Readonly<Record<string, string>> }
  >;

describe('an app repository calls release.yml', () => {
  test('and every cluster gets the image by one signed commit; again, or an older build, does nothing', async () => {
    await using company = await foundCompany(suite);
    const before = await company.gitops.head();
    const [olderCommit] = await company.github.repository('acme/web').commits();
    const run = await company.run({
      jobs: {
        release: release({ image: image('web', 'v2', 'a') }, company.app),
        again: release({ image: image('web', 'v2', 'a') }, company.app, { needs: 'release' }),
        older: release({ image: image('web', 'v1', 'b'), commit: olderCommit?.oid }, company.app, {
          needs: 'again',
        }),
      },
    });
    expect(run.annotations).toEqual([]);
    expect(run.exitCode).toBe(0);
    const commits = await company.gitops.commits();
    const [commit] = commits;
    expect(commit).toMatchObject({ parents: [before], signed: true, author: { name: 'kajitori[bot]' } });
    expect(await trailers(company)).toEqual([
      'Kajitori-App: web',
      'Kajitori-Environment: production',
      `Kajitori-Source: acme/web@${await company.github.repository('acme/web').head()}`,
      'Kajitori-Build: 1',
      `Kajitori-Run: ${company.github.url}/acme/web/actions/runs/9001`,
      'Kajitori-Action: bump',
      expect.stringMatching(/^Kajitori-Key: acme\/web\/9001\/1\//),
    ]);
    expect(parse((await company.gitops.read('apps/web/release.production.yaml')) ?? '')).toMatchObject({
      image: { tag: 'v2', digest: `sha256:${'a'.repeat(64)}` },
    });
    // Without `argocd` nobody waits, and that is said.
    const rest = { 'pull-request': '', verdict: '', 'rolled-back-commit': '' };
    expect(run.summary).toContain('Nobody waited: whether the clusters are healthy is not known');
    expect(run.needed).toEqual({
      release: {
        result: 'success',
        outputs: { changed: 'true', reason: 'bumped', commit: commit?.oid, ...rest },
      },
      again: {
        result: 'success',
        outputs: { changed: 'false', reason: 'already-there', commit: '', ...rest },
      },
      older: {
        result: 'success',
        outputs: { changed: 'false', reason: 'older', commit: '', ...rest },
      },
    });
    expect(run.summary).toContain('### Deployed web to production');
    expect(run.summary).toContain(
      `| \`web\` | – | \`${image('web', 'v2', 'a')}\` | \`prod-1\`, \`prod-2\` |`,
    );
    expect(run.summary).toContain(`${company.github.url}/acme/gitops/commit/${commit?.oid}`);
    expect(run.summary).toContain('Nothing to do: web runs this image already');
    expect(run.printed).toContain('clusters: prod-1, prod-2 (always together)');
    expect(run.leaked).toEqual([]);
    // One token of the App a job, masked before it is used.
    expect(run.masked).toEqual(Array(3).fill(expect.stringMatching(/^ghs_/)));
  });

  test('of another team, and is refused: the job is red, says why, and nothing is written', async () => {
    await using company = await foundCompany(suite);
    const before = await company.gitops.head();
    const run = await company.run({
      repository: 'acme/evil',
      jobs: { release: release({ image: image('web', 'v2', 'a') }, company.app) },
    });
    expect(run.exitCode).not.toBe(0);
    expect(run.jobs.release).toMatchObject({ result: 'failure', outputs: { reason: 'foreign-source' } });
    expect(run.annotations).toEqual([
      {
        step: 'bump',
        level: 'error',
        title: 'Refused',
        file: 'apps/web/app.yaml',
        message: expect.stringContaining('acme/evil may not deploy the app web.\n  → Allowed are: acme/web.'),
      },
    ]);
    expect(await company.gitops.head()).toBe(before);
    expect(run.leaked).toEqual([]);
  });

  test('and a hold refuses, unless a person sets it aside with a reason, which is recorded', async () => {
    await using company = await foundCompany(suite);
    const held = { app: 'held', image: image('held', 'v2', 'c') };
    // One called workflow a run: act 0.2.89 may end before the first job when it prepares two of them at once.
    const run = await company.run({ jobs: { held: release(held, company.app) } });
    expect(run.exitCode).not.toBe(0);
    expect(run.jobs.held).toMatchObject({ result: 'failure', outputs: { reason: 'hold' } });
    const unexplained = await company.run({
      jobs: { held: release({ ...held, override: 'hold' }, company.app) },
    });
    expect(unexplained.exitCode).not.toBe(0);
    expect(unexplained.jobs.held).toMatchObject({ result: 'failure', outputs: { reason: 'no-reason' } });
    const [refusal, ...others] = run.annotations;
    expect(others).toEqual([]);
    expect(refusal).toMatchObject({
      title: 'Refused',
      file: 'apps/held/release.production.yaml',
      message: expect.stringMatching(
        /on hold in production by kana: the queue is being drained\n {2}→ .*override hold/,
      ),
    });
    expect(await company.gitops.commits()).toHaveLength(1);

    const explained = await company.run({
      form: { reason: 'the incident is over' },
      jobs: { held: release({ ...held, override: 'hold', reason: '${{ inputs.reason }}' }, company.app) },
    });
    expect(explained.needed.held).toMatchObject({ result: 'success', outputs: { reason: 'bumped' } });
    expect(await company.gitops.commits()).toHaveLength(2);
    expect(await trailers(company)).toContain('Kajitori-Reason: hold overridden: the incident is over');
    expect(explained.summary).toContain('**Set aside by a person:** hold.');
    expect(await company.gitops.read('apps/held/release.production.yaml')).toContain(
      'tag: v2 # before the incident\n',
    );
  });
});

test('the workflow that `kajitori init` writes into an app repository deploys it', async () => {
  await using company = await foundCompany(suite);
  await using folder = await temporaryFolder();
  const init = ['init', '--yes', '--app', 'web', '--gitops', 'acme/gitops'];
  await execa(process.execPath, [join(suite, 'dist/kajitori.js'), ...init], { cwd: folder.path });
  const deploy = await readFile(join(folder.path, '.github/workflows/deploy.yml'), 'utf8');
  const run = await company.run({
    files: { '.github/workflows/deploy.yml': deploy },
    jobs: {
      deploy: {
        permissions: { contents: 'read', 'id-token': 'write' },
        uses: './.github/workflows/deploy.yml',
        with: { environment: 'staging', image: image('web', 'v2', 'a') },
        secrets: { KAJITORI_PRIVATE_KEY: '${{ secrets.KAJITORI_PRIVATE_KEY }}' },
      },
    },
  });
  expect(run.annotations).toEqual([]);
  expect(run.exitCode).toBe(0);
  expect(await trailers(company)).toContain('Kajitori-Environment: staging');
  expect(run.printed).toContain('clusters: stg-1 (always together)');
});

test('release.yml signs in by a key in AWS KMS, with no secret at all', async () => {
  await using issuer = await startOidcIssuer({
    sub: 'repo:acme/web:ref:refs/heads/main',
    job_workflow_ref: 'kajitori/kajitori/.github/workflows/release.yml@refs/tags/v1',
  });
  const role = `arn:aws:iam::${ACCOUNT}:role/kajitori-sign`;
  await using aws = await startAws(
    { [role]: { jobWorkflowRef: issuer.claims.job_workflow_ref, subject: 'repo:acme/', maySign: true } },
    () => issuer.publicKey,
  );
  const key = await createSigningKey(aws, 'ap-northeast-1', 'alias/kajitori');
  await using company = await foundCompany(suite, key.publicKey);
  const inputs = {
    image: image('web', 'v2', 'a'),
    'kms-key': 'alias/kajitori',
    'aws-region': 'ap-northeast-1',
  };
  const run = await company.run({
    jobs: { release: release({ ...inputs, 'aws-role': role }, company.app, { secrets: undefined }) },
    variables: { ...issuer.variables, AWS_ENDPOINT_URL: aws.url },
  });
  expect(run.annotations).toEqual([]);
  expect(run.needed.release?.outputs).toMatchObject({
    reason: 'bumped',
    commit: await company.gitops.head(),
  });
  // The OIDC token and the App's.
  expect(run.masked).toEqual([expect.stringMatching(/^eyJ/), expect.stringMatching(/^ghs_/)]);
  expect(run.leaked).toEqual([]);
});

describe('the actions as steps', () => {
  test('deploy does what release.yml does', async () => {
    await using company = await foundCompany(suite);
    const run = await company.run({
      jobs: {
        deploy: steps('deploy', {
          web: {
            repository: 'acme/gitops',
            app: 'web',
            environment: 'production',
            image: image('web', 'v2', 'a'),
            'app-id': company.app.clientId,
            'private-key': '${{ secrets.KAJITORI_PRIVATE_KEY }}',
          },
        }),
      },
    });
    expect(run.annotations).toEqual([]);
    const head = await company.gitops.head();
    expect(stepsOf(run, 'deploy').web).toMatchObject({
      outcome: 'success',
      outputs: { changed: 'true', reason: 'bumped', commit: head, 'pull-request': '' },
    });
    expect(await trailers(company)).toContain(
      `Kajitori-Source: acme/web@${await company.github.repository('acme/web').head()}`,
    );
    expect(run.leaked).toEqual([]);
  });

  test('bump-values proposes a pull request, and sets values where there is no kajitori.yaml', async () => {
    await using company = await foundCompany(suite);
    const before = await company.gitops.head();
    const access = { 'app-id': company.app.clientId, 'private-key': '${{ secrets.KAJITORI_PRIVATE_KEY }}' };
    const web = { repository: 'acme/gitops', app: 'web', environment: 'production', ...access };
    const values = { repository: 'acme/values', files: 'prod-1/web.yaml\nprod-2/web.yaml', ...access };
    const run = await company.run({
      jobs: {
        bump: steps('bump-values', {
          proposed: { ...web, image: image('web', 'v2', 'a'), 'pull-request': true, labels: 'deploy, web' },
          again: { ...web, image: image('web', 'v2', 'a'), 'pull-request': true, labels: 'deploy, web' },
          set: { ...values, set: 'image.tag=1.10' },
          misspelt: { ...values, set: 'image.tga=v3' },
          dry: { ...values, set: 'image.tag=v4', 'dry-run': true },
        }),
      },
    });
    const { proposed, again, set, misspelt, dry } = stepsOf(run, 'bump');
    expect(await company.gitops.head()).toBe(before);
    const [pull, ...others] = company.gitops.pullRequests();
    expect(others).toEqual([]);
    expect(pull).toMatchObject({
      title: 'Deploy web v2 to production',
      state: 'open',
      labels: ['deploy', 'web'],
    });
    const page = `${company.github.url}/acme/gitops/pull/${pull?.number}`;
    expect(proposed?.outputs).toMatchObject({ changed: 'true', commit: '', 'pull-request': page });
    expect(again?.outputs).toMatchObject({ changed: 'false', commit: '', 'pull-request': page });
    const repository = company.github.repository('acme/values');
    expect(set?.outputs).toMatchObject({
      reason: 'bumped',
      commit: await repository.head(),
      files: 'prod-1/web.yaml\nprod-2/web.yaml',
    });
    expect(await repository.read('prod-1/web.yaml')).toBe('image: { tag: "1.10" } # ours\n');
    expect(await repository.read('prod-2/web.yaml')).toBe('image:\n  tag: "1.10"\n');
    expect(misspelt).toMatchObject({ outcome: 'failure', outputs: { reason: 'no-value-there' } });
    expect(dry?.outputs).toMatchObject({ changed: 'false', reason: 'would-bump', commit: '' });
    expect(await repository.commits()).toHaveLength(2);
    expect(run.leaked).toEqual([]);
  });
});

describe('what people write is text', () => {
  test('(these tests see a shell that runs it, and a secret that is printed)', async () => {
    await using company = await foundCompany(suite);
    const run = await company.run({
      branch: `feature/${HOSTILE}`,
      jobs: {
        careless: {
          'runs-on': 'ubuntu-latest',
          env: { KEY: '${{ secrets.KAJITORI_PRIVATE_KEY }}', TOKEN: '${{ github.token }}' },
          steps: [{ run: 'echo ${{ github.ref_name }}; echo "$KEY"; echo "$TOKEN"' }],
        },
      },
    });
    expect(run.executed).toBe(true);
    const lines = company.app.privateKey.trim().split('\n').slice(1, -1);
    expect(run.leaked).toEqual(expect.arrayContaining([...lines, expect.stringMatching(/^ghs_/)]));
  });

  test('a branch, a form and a reason never become shell, workflow commands, expressions or trailers', async () => {
    await using company = await foundCompany(suite);
    const reason = [
      `${HOSTILE} \${{ secrets.KAJITORI_PRIVATE_KEY }}`,
      'Kajitori-App: other',
      '',
      'Kajitori-Environment: staging',
      '::set-output name=commit::0000',
      '::error::owned',
      '::stop-commands::x',
      '##[set-output name=commit]0000',
      '<img src=x> @acme/all | cell',
    ].join('\r\n');
    const run = await company.run({
      branch: `feature/${HOSTILE}\${{github.token}}`,
      form: { reason, app: `web\n::error::owned ${HOSTILE}` },
      jobs: {
        told: release(
          { image: image('web', 'v2', 'a'), reason: '${{ inputs.reason }} on ${{ github.ref_name }}' },
          company.app,
        ),
        misnamed: release({ image: image('web', 'v2', 'a'), app: '${{ inputs.app }}' }, company.app, {
          needs: 'told',
        }),
      },
    });
    expect(run.executed).toBe(false);
    expect(run.jobs.told).toMatchObject({
      result: 'success',
      outputs: { changed: 'true', reason: 'bumped', commit: await company.gitops.head() },
    });
    const block = await trailers(company);
    expect(block.map((line) => line.slice(0, line.indexOf(':')))).toEqual(
      ['App', 'Environment', 'Source', 'Build', 'Run', 'Action', 'Reason', 'Key'].map(
        (name) => `Kajitori-${name}`,
      ),
    );
    expect(block[0]).toBe('Kajitori-App: web');
    expect(block[6]).toBe(
      `Kajitori-Reason: ${reason.replaceAll(/\s+/g, ' ')} on feature/${HOSTILE}\${{github.token}}`,
    );
    expect(run.jobs.misnamed).toEqual({ result: 'failure', outputs: { reason: 'bad-app-name' } });
    expect(run.annotations).toEqual([
      expect.objectContaining({
        step: 'bump',
        title: 'Could not do it',
        message: expect.stringContaining('::error::'),
      }),
    ]);
    expect(run.summary).not.toMatch(/<img|@acme/);
    expect(run.leaked).toEqual([]);
  });

  test('bad input is named, in one annotation, and nothing is written', async () => {
    await using company = await foundCompany(suite);
    const before = await company.gitops.head();
    const good = {
      repository: 'acme/gitops',
      app: 'web',
      environment: 'production',
      image: image('web', 'v2', 'a'),
      'app-id': company.app.clientId,
      'private-key': '${{ secrets.KAJITORI_PRIVATE_KEY }}',
    };
    const commands = `\n::set-output name=commit::0000\n##[error]owned\n::error::owned ${HOSTILE}`;
    const cases: Record<string, [inputs: Record<string, unknown>, reason: string, words: RegExp]> = {
      'no-repository': [{ ...good, repository: '' }, 'missing-input', /input repository is missing/],
      'no-app': [{ ...good, app: '' }, 'missing-input', /app is missing/],
      'no-image': [{ ...good, image: '' }, 'missing-input', /either image, or tag and digest/],
      'no-key': [{ ...good, 'private-key': '' }, 'no-key', /private-key and kms-key are not/],
      'no-access': [{ ...good, 'app-id': '', 'private-key': '' }, 'no-token', /nothing to sign in/],
      'bad-key': [
        { ...good, 'private-key': company.app.privateKey.slice(0, 400) },
        'bad-private-key',
        /cannot be read/,
      ],
      'bad-boolean': [{ ...good, force: 'yes' }, 'bad-input', /input force is "yes"/],
      'bad-number': [{ ...good, 'timeout-minutes': '-1' }, 'bad-input', /input timeout-minutes is "-1"/],
      'bad-override': [{ ...good, override: `hold${commands}` }, 'bad-override', /cannot be overridden/],
      'bad-commit': [{ ...good, commit: `HEAD${commands}` }, 'bad-source', /does not name a source commit/],
      'path-in-app': [{ ...good, app: '../../kajitori' }, 'bad-app-name', /\.\.\/\.\.\/kajitori/],
      'bad-image': [{ ...good, image: `${good.image}${commands}` }, 'bad-image', /is not an image/],
      'bad-repository': [
        { ...good, repository: `acme/gitops${commands}` },
        'bad-repository-name',
        /not the name/,
      ],
      'unknown-environment': [{ ...good, environment: 'produktion' }, 'unknown-environment', /production/],
      'lines-in-environment': [{ ...good, environment: `prod${commands}` }, 'bad-path', /prod/],
      'unknown-branch': [{ ...good, branch: `x${commands}` }, 'no-branch', /branch/],
      'foreign-registry': [
        { ...good, image: `docker.io/web:v1@sha256:${'a'.repeat(64)}` },
        'foreign-registry',
        /not allowed/,
      ],
    };
    const inputs = Object.entries(cases).map(([id, [input]]) => [id, input] as const);
    const run = await company.run({ jobs: { bump: steps('bump-values', Object.fromEntries(inputs)) } });
    const told = stepsOf(run, 'bump');
    expect(told).toMatchObject(
      Object.fromEntries(
        Object.entries(cases).map(([id, [, reason]]) => [id, { outcome: 'failure', outputs: { reason } }]),
      ),
    );
    expect(Object.values(told).flatMap(({ outputs }) => Object.keys(outputs))).toEqual(
      Object.keys(cases).map(() => 'reason'),
    );
    expect(run.annotations).toEqual(
      Object.entries(cases).map(([step, [, , words]]) =>
        expect.objectContaining({ step, level: 'error', message: expect.stringMatching(words) }),
      ),
    );
    expect(run.annotations.filter(({ message }) => !message.includes('\n  → '))).toEqual([]);
    expect(await company.gitops.head()).toBe(before);
    expect(run.executed).toBe(false);
    expect(run.leaked).toEqual([]);
  });
});
