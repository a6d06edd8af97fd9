import { cp, mkdtempDisposable, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { discoverApplications } from '../applications/discover.ts';
import { parseManifests } from '../kubernetes/manifests.ts';
import { openWorkingCopy } from '../repository/working-copy.ts';
import { type RenderedApplication, renderApplication } from './application.ts';
import { anApplication, aSource, helmOptions } from './application-fixture.ts';
import { renderApplications } from './applications.ts';
import { renderedFiles, renderedYaml } from './rendered-yaml.ts';

const EXAMPLE = fileURLToPath(new URL('../../examples/gitops', import.meta.url));

/** The example, and beside its applications some that are rendered otherwise, or not at all. */
async function repository() {
  const folder = await mkdtempDisposable(path.join(tmpdir(), 'kajitori-applications-'));
  const root = path.join(folder.path, 'gitops');
  await cp(EXAMPLE, root, { recursive: true });
  for (const file of ['platform', 'argocd/platform.yaml']) {
    await rm(path.join(root, file), { recursive: true });
  }
  const { applications } = await discoverApplications(await openWorkingCopy(root));
  const all = [
    anApplication({ name: 'directory', sources: [aSource({ path: 'argocd/projects' })] }),
    ...applications,
    anApplication({ name: 'missing', sources: [aSource({ path: 'nowhere' })] }),
    anApplication({
      name: 'refused',
      sources: [
        aSource({ path: 'argocd/projects' }),
        aSource({ path: 'charts/app', helm: helmOptions({ valuesObject: { wbe: 1 } }) }),
      ],
    }),
  ];
  const world = { root, charts: path.join(folder.path, 'charts') };
  return { all, world, [Symbol.asyncDispose]: () => folder.remove() };
}

const comparable = ({ notRendered, ...rest }: RenderedApplication) => ({
  ...rest,
  seconds: 0,
  notRendered: notRendered.map(({ message, at, reason }) => ({ message, at, reason })),
});

describe('the applications of a repository', () => {
  it('are what each is by itself, told in their order', async () => {
    await using files = await repository();
    const told: number[] = [];
    const rendered = await renderApplications(files.all, files.world, {
      onRendered: ({ application }, index) => {
        expect(application).toBe(files.all[index]);
        told.push(index);
      },
    });
    expect(told).toEqual(files.all.map((_, index) => index));
    const one: RenderedApplication[] = [];
    for (const application of files.all) one.push(await renderApplication(application, files.world));
    expect(rendered.map(comparable)).toEqual(one.map(comparable));
    expect(
      rendered.filter((each) => each.notRendered.length > 0).map((each) => each.application.name),
    ).toEqual(['missing', 'refused']);
    expect(rendered.filter((each) => each.objects.length > 5).length).toBeGreaterThan(2);
  });

  it('stop when they are told to', async () => {
    await using files = await repository();
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(renderApplications(files.all, { ...files.world, signal })).rejects.toThrow('enough');
  });
});

describe('rendered objects as YAML', () => {
  const rendered = (name: string, cluster: string, data: object = {}, more: object = {}) =>
    ({
      application: anApplication({ name, destination: { name: cluster, namespace: 'shop' }, ...more }),
      objects: [
        { object: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data }, source: 0 },
      ],
      notRendered: [],
    }) as unknown as RenderedApplication;

  it('are the same objects when they are read again', async () => {
    await using files = await repository();
    for (const each of await renderApplications(files.all, files.world)) {
      const objects = each.objects.map(({ object }) => object);
      expect(parseManifests(renderedYaml(each), 'rendered')).toEqual(objects);
    }
  });

  it('keep text that looks like something else, and long and odd text', () => {
    const words = [
      '0644',
      '1e3',
      'yes',
      'on',
      'null',
      '~',
      '1:30',
      '2026-11-21',
      '0o17',
      '.5',
      '',
      ' a',
      'a: b',
      '- a',
    ];
    const data = Object.fromEntries(
      [
        ...words,
        '# a',
        'x'.repeat(300),
        'a\nb\n',
        'a\n\n',
        '\ta',
        'é\u2028',
        '---\n',
        '{{ a }}',
        '*a',
        '!a',
      ].map((text, index) => [`k${index}`, text]),
    );
    expect(parseManifests(renderedYaml(rendered('web', 'prod-1', data)), 'rendered')[0]?.data).toEqual(data);
  });

  it('have comments that no name can end', () => {
    const text = renderedYaml(rendered('web\n---\nkind: Secret', 'prod\u2028-1'));
    expect(text.split('\n')[1]).toBe('# application web?---?kind: Secret, cluster prod?-1');
    expect(parseManifests(text, 'rendered')).toHaveLength(1);
  });

  it('have files that no name leads out of the folder, and no two the same', () => {
    const all = [
      rendered('..', '../..'),
      rendered('a/b', 'https://example.com:443'),
      rendered('web', ''),
      rendered('web', 'prod-1'),
      rendered('web', 'prod-1', {}, { namespace: 'team-a' }),
    ];
    expect([...renderedFiles(all).keys()]).toEqual([
      '%2e%2e%2f../%2e%2e.yaml',
      'https%3a%2f%2fexample.com%3a443/a%2fb.yaml',
      'none/web.yaml',
      'prod-1/web.yaml',
      'prod-1/team-a.web.yaml',
    ]);
  });

  it('leave out an application that is not rendered whole', () => {
    expect(renderedFiles([{ ...rendered('web', 'a'), notRendered: [new Error('x')] } as never]).size).toBe(0);
  });
});
