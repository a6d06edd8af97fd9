import { expect, test } from 'vitest';
import { application, configMap, type Files, repositoryOf } from './changed-repository.ts';

/** A chart that makes the Application of a folder; the parent says nothing of helm, and goes to another namespace. */
const files: Files = {
  'argo/root.yaml': application('root', 'bootstrap'),
  'bootstrap/Chart.yaml': 'apiVersion: v2\nname: bootstrap\nversion: 0.1.0\n',
  'bootstrap/values.yaml': 'folder: shop\n',
  'bootstrap/templates/shop.yaml': application('shop', '{{ .Values.folder }}'),
  'shop/config.yaml': configMap('shop', 'a'),
};

test.each([
  ['a chart that is found by its Chart.yaml', files],
  [
    'a chart that prints what stands in its values',
    {
      ...files,
      'bootstrap/values.yaml': `extra: |\n${application('shop', 'shop').replaceAll(/^/gm, '  ')}`,
      'bootstrap/templates/shop.yaml': '{{ .Values.extra }}\n',
    },
  ],
])('applications beneath %s are looked at', async (_, before) => {
  await using repository = await repositoryOf(before);
  const { report, exitCode } = await repository.diff({ 'shop/config.yaml': configMap('shop', 'b') });
  expect(exitCode).toBe(0);
  expect(report.applications).toEqual({ total: 2, affected: 1 });
  expect(report.blocks).toMatchObject([{ places: [{ app: 'shop' }] }]);
});

test('of a parent that cannot be rendered, before and after, it is not known what it makes: never green, and none is deleted', async () => {
  const broken = application('shop', '{{ .Values.no.such.thing }}');
  await using repository = await repositoryOf(files);
  const now = await repository.diff({ 'bootstrap/templates/shop.yaml': broken });
  expect(now.exitCode).toBe(2);
  expect(now.report.notRendered).toMatchObject([
    { application: 'Application/root', side: 'after', at: { file: 'bootstrap/templates/shop.yaml' } },
  ]);
  expect(now.report.blocks).toEqual([]);

  await repository.git('commit', '-qam', 'Broken');
  const then = await repository.diff({ 'shop/config.yaml': configMap('shop', 'b') });
  expect(then.exitCode).toBe(2);
  expect(then.report.notRendered).toMatchObject([{ application: 'Application/root' }]);
});
