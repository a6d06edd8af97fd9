import { expect, test } from 'vitest';
import { assetStage, type WrittenAssets } from './asset-stage.ts';

const asked = (written: Partial<WrittenAssets>) =>
  assetStage(
    {
      target: undefined,
      path: undefined,
      to: undefined,
      region: undefined,
      role: undefined,
      cacheControl: 'no-cache',
      ...written,
    },
    {
      targets: [
        {
          account: '111111111111',
          region: 'ap-northeast-1',
          roles: ['arn:aws:iam::111111111111:role/build'],
        },
      ],
    },
    { env: {}, sessionName: 'test' },
  );

test('who asks for no assets gets none', async () => {
  expect(await asked({})).toBeUndefined();
});

test('the whole stage, and where it goes', async () => {
  const stage = await asked({ target: 'assets', to: 's3://acme-assets/web' });
  expect(stage?.assets).toEqual({
    stage: 'assets',
    path: '/',
    target: { bucket: 'acme-assets', prefix: 'web' },
    cacheControl: 'no-cache',
  });
});

test.each([
  ['a place without a stage', { to: 's3://acme-assets/web' }, /assets-target/],
  ['a stage without a place', { target: 'assets' }, /s3:\/\/BUCKET\/PREFIX/],
  ['a place that is none', { target: 'assets', to: 'acme-assets/web' }, /s3:\/\/BUCKET\/PREFIX/],
  ['a stage that would be an option', { target: '--push', to: 's3://acme-assets/web' }, /after AS/],
])('%s is bad input, and what to write is said', async (_, written, todo) => {
  await expect(asked(written)).rejects.toMatchObject({
    exitCode: 2,
    reason: 'bad-input',
    todo: expect.stringMatching(todo),
  });
});
