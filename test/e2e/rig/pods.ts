import { readdirSync, readFileSync } from 'node:fs';
import { parse, stringify } from 'yaml';
import { built } from './programs.ts';

interface Stage {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly selector: { readonly matchExpressions: object[] }; delay?: object };
}

/** How pods whose image has a certain tag go on: `:missing…`, `:slow…`, `:crash…`, and in a Job `:fail…`. */
const OURS = new URL('pod-stages.yaml', import.meta.url);

/** kwok's own stages that must leave such pods alone. */
const EXCEPT: Readonly<Record<string, string>> = {
  'pod-ready': ':(missing|slow|crash)',
  'pod-complete': ':fail',
};

/**
 * The configuration of kwok, which plays nodes and pods: its own stages, so that pods become ready and Jobs' pods complete a
 * moment after they were scheduled, and ours for pods that fail.
 */
export function podStages(): string {
  const folder = built('stages');
  const theirs = readdirSync(folder).map((file) => parse(readFileSync(`${folder}/${file}`, 'utf8')) as Stage);
  for (const { metadata, spec } of theirs) {
    const tags = EXCEPT[metadata.name];
    if (tags === undefined) continue;
    const key = `.spec.containers.[] | .image | select( test("${tags}") )`;
    spec.selector.matchExpressions.push({ key, operator: 'DoesNotExist' });
    // Long enough to be seen: real pods do not become ready at once either.
    spec.delay = { durationMilliseconds: 1000 };
  }
  return [...theirs.map((stage) => stringify(stage)), readFileSync(OURS, 'utf8')].join('---\n');
}
