import { formatDuration } from '../config/duration.ts';
import type { Promotion } from '../config/kajitori-yaml.ts';
import type { CheckState } from '../github/checks.ts';
import type { PastRelease } from '../history/past-releases.ts';

/** One thing that a release must have passed before it is promoted. */
export interface Gate {
  readonly name: 'healthy' | 'soak' | 'checks';
  /** `waiting`: time will tell. `failed`: it will not pass as it is. `unknown`: it could not be found out. */
  readonly state: 'passed' | 'waiting' | 'failed' | 'unknown';
  /** For people. */
  readonly words: string;
}

/** What was found out about a release in the environment before. */
export interface GateFacts {
  readonly release: PastRelease;
  /** The clusters of that environment. */
  readonly clusters: readonly string[];
  /** By name, of the source commits; undefined: could not be read, and why. */
  readonly checks: ReadonlyMap<string, CheckState> | { readonly unread: string };
}

/**
 * Judges a release by the gates of an environment. What is not known has not passed.
 */
export function judgeGates(promotion: Promotion, facts: GateFacts, now: Date): readonly Gate[] {
  return [
    healthyGate(facts),
    ...(promotion.soak > 0 ? [soakGate(promotion.soak, facts, now)] : []),
    ...promotion.checks.map((name) => checkGate(name, facts.checks)),
  ];
}

function healthyGate({ release, clusters }: GateFacts): Gate {
  const where = `${release.environment} (${clusters.join(', ')})`;
  switch (release.verdict) {
    case 'healthy':
      return { name: 'healthy', state: 'passed', words: `healthy in every cluster of ${where}` };
    case 'running':
      return { name: 'healthy', state: 'waiting', words: `its deploy to ${where} is not judged yet` };
    case 'failed':
      return { name: 'healthy', state: 'failed', words: `it failed in ${where}` };
    default:
      return {
        name: 'healthy',
        state: 'unknown',
        words: `whether it is healthy in ${where} is not known: no verdict of waiting for its deploy in every cluster`,
      };
  }
}

/** Counted from the last cluster that became healthy. */
function soakGate(soak: number, { release }: GateFacts, now: Date): Gate {
  if (release.verdict !== 'healthy') {
    return { name: 'soak', state: 'waiting', words: `soaks for ${formatDuration(soak)} once it is healthy` };
  }
  const healthySince = Math.max(...release.verdicts.map(({ at }) => at.getTime()));
  const left = healthySince + soak - now.getTime();
  return left <= 0
    ? { name: 'soak', state: 'passed', words: `healthy for ${formatDuration(now.getTime() - healthySince)}` }
    : {
        name: 'soak',
        state: 'waiting',
        words: `healthy for ${formatDuration(now.getTime() - healthySince)} of ${formatDuration(soak)}; passes at ${new Date(healthySince + soak).toISOString()}`,
      };
}

function checkGate(name: string, checks: GateFacts['checks']): Gate {
  if ('unread' in checks) {
    return {
      name: 'checks',
      state: 'unknown',
      words: `the check ${name} could not be read: ${checks.unread}`,
    };
  }
  switch (checks.get(name) ?? 'missing') {
    case 'green':
      return { name: 'checks', state: 'passed', words: `the check ${name} is green` };
    case 'failed':
      return { name: 'checks', state: 'failed', words: `the check ${name} failed` };
    case 'waiting':
      return { name: 'checks', state: 'waiting', words: `the check ${name} is running` };
    default:
      return {
        name: 'checks',
        state: 'waiting',
        words: `the check ${name} has not begun on the source commit`,
      };
  }
}

/** Whether all gates are passed. */
export const allPassed = (gates: readonly Gate[]): boolean => gates.every(({ state }) => state === 'passed');
