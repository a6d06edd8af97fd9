import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { type ApplicationStatus, parseApplication } from '../src/argocd/application-status.ts';

/** Answers recorded from Argo CD 3.5.7; not part of this repository. */
const CORPUS = new URL('../../shared/corpus/argocd/', import.meta.url);

export const hasArgoCdCorpus = existsSync(CORPUS);
if (!hasArgoCdCorpus) {
  console.info('skipped: recorded answers of Argo CD; shared/corpus/argocd is not beside the repository');
}

export const recordings = (): string[] =>
  hasArgoCdCorpus ? readdirSync(CORPUS).filter((name) => name.endsWith('.json')) : [];

const read = (name: string): unknown => JSON.parse(readFileSync(new URL(`${name}.json`, CORPUS), 'utf8'));

/** The body of one answer. */
export const recorded = (name: string): unknown => (read(name) as { readonly body: unknown }).body;

export const recordedStatus = (name: string): number => (read(name) as { readonly status: number }).status;

export function recordedApplication(name: string): ApplicationStatus {
  const application = parseApplication(recorded(name));
  if (application === undefined) throw new Error(`${name} holds no application`);
  return application;
}

/** Every distinct answer while an application was polled, with the milliseconds since the beginning. */
export function recordedSequence(
  name: string,
): { readonly ms: number; readonly status: ApplicationStatus }[] {
  const answers = read(`${name}.sequence`) as { readonly ms: number; readonly body: unknown }[];
  return answers.map(({ ms, body }) => {
    const status = parseApplication(body);
    if (status === undefined) throw new Error(`${name}.sequence at ${ms} ms holds no application`);
    return { ms, status };
  });
}
