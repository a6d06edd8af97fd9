import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { KustomizeSource } from '../applications/application.ts';
import { kustomizeOptions } from './application-fixture.ts';
import { editedKustomization, type Kustomization } from './kustomize-edit.ts';

const map = z.record(z.string(), z.unknown());
const { full, plain, answers } = z
  .object({
    full: map,
    plain: map,
    answers: z.array(
      z.object({
        from: z.enum(['full', 'plain']),
        options: map,
        changed: map.optional(),
        refused: z.boolean().optional(),
      }),
    ),
  })
  .parse(JSON.parse(await readFile(new URL('kustomize-edit-answers.json', import.meta.url), 'utf8')));

/** `kustomize edit` leaves out what is false. */
const withoutFalse = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value), (_, each: unknown) => (each === false ? undefined : each));

describe('options are written into a kustomization as `kustomize edit` does', () => {
  it.each(
    answers.map((answer) => ({
      ...answer,
      name: `${JSON.stringify(answer.options)} into the ${answer.from} one`,
    })),
  )('$name', ({ from, options, changed, refused }) => {
    const before: Kustomization = from === 'full' ? full : plain;
    const edit = () =>
      editedKustomization(before, kustomizeOptions(options as Partial<KustomizeSource>), new Map(), {
        file: 'k',
      });
    if (refused) {
      expect(edit).toThrow(/kustomize refuses the options/);
    } else {
      expect(withoutFalse(edit())).toEqual(withoutFalse({ ...before, ...changed }));
    }
  });

  it('adds patches behind those that are there', () => {
    const edited = editedKustomization(
      { patches: [{ path: 'a' }] },
      kustomizeOptions({ patches: [{ path: 'b' }] }),
      new Map(),
      { file: 'k' },
    );
    expect(edited).toEqual({ patches: [{ path: 'a' }, { path: 'b' }] });
  });
});
