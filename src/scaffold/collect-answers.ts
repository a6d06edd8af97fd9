import { couldNot } from '../report/failure.ts';
import { parseClusters, parseEnvironments, refuseStrayClusters } from './answers.ts';
import type { Detected } from './detect.ts';
import type { Answers, ClusterAnswers } from './kajitori-yaml-text.ts';
import type { Question, Questions } from './questions.ts';

/** Answers that were given by flags. */
export interface AnswersGiven {
  /** `staging=stg-1`, `production=prod-1,prod-2`, in promotion order. */
  readonly environments: readonly string[];
  /** `prod-1=1.34,ap-northeast-1,222222222222`: Kubernetes, region, account. */
  readonly clusters: readonly string[];
  /** Hosts of registries, perhaps with a path. */
  readonly registries: readonly string[];
  /** `@acme/*`, where * is the team in app.yaml. Without it there is no CODEOWNERS region. */
  readonly teams?: string | undefined;
  /** `@acme/platform` */
  readonly platformTeam?: string | undefined;
  /** The URL by which Argo CD reads the repository. */
  readonly url?: string | undefined;
  /** Default: main. */
  readonly branch?: string | undefined;
}

/**
 * The answers that make kajitori.yaml: flags first, then what was detected, then questions.
 *
 * @param questions undefined where nobody can be asked
 * @throws Failure (exit 2) for an answer that cannot be; `missing-answers` lists all flags that are needed
 */
export async function collectAnswers(
  given: AnswersGiven,
  detected: Detected,
  questions: Questions | undefined,
): Promise<Answers> {
  const asker = new Asker(questions);
  const environments = await environmentsFrom(given, detected, asker);
  const clusters = await clustersFrom(given, detected, environments, asker);
  const registries = await registriesFrom(given, detected, asker);
  const url =
    given.url ??
    detected.url ??
    (await asker.ask('--url', {
      message: 'The URL by which Argo CD reads this repository',
      example: 'https://github.com/acme/gitops.git',
    }));
  asker.refuseMissing();
  const teams =
    given.teams ??
    (await questions?.text({
      message: 'GitHub teams that own apps (* is the team in app.yaml; empty: no CODEOWNERS)',
      example: '@acme/*',
      optional: true,
    }));
  return {
    environments,
    clusters,
    registries,
    url,
    teams: teams === '' ? undefined : teams,
    platformTeam: given.platformTeam,
    branch: given.branch ?? 'main',
  };
}

/** Asks, or, where nobody is there, remembers what would have been asked, so that one error can list all of it. */
class Asker {
  readonly #questions: Questions | undefined;
  readonly #missing: string[] = [];

  constructor(questions: Questions | undefined) {
    this.#questions = questions;
  }

  /** @returns the answer; `''` where nobody can be asked */
  async ask(flag: string, question: Question, flagExample = question.example): Promise<string> {
    if (this.#questions === undefined) {
      this.#missing.push(`${flag} ${flagExample}    ${question.message}`);
      return '';
    }
    return this.#questions.text(question);
  }

  refuseMissing(): void {
    if (this.#missing.length > 0) {
      throw couldNot(`These are not known, and nobody can be asked here:\n  ${this.#missing.join('\n  ')}`, {
        todo: 'Give them (the values above are examples), or run it on a terminal.',
        reason: 'missing-answers',
      });
    }
  }
}

async function environmentsFrom(
  given: AnswersGiven,
  detected: Detected,
  asker: Asker,
): Promise<Map<string, readonly string[]>> {
  if (given.environments.length > 0) {
    return parseEnvironments(given.environments);
  }
  const known = detectedEnvironments(detected);
  if (known !== undefined) {
    return parseEnvironments(known);
  }
  const answer = await asker.ask(
    '--environment',
    {
      message: 'Environments and their clusters, in promotion order',
      example: 'staging=stg-1 production=prod-1,prod-2',
      check: (text) => mistakeOf(() => parseEnvironments(words(text))),
    },
    'staging=stg-1 --environment production=prod-1,prod-2',
  );
  return parseEnvironments(words(answer));
}

/** Only when every cluster tells its environment. */
function detectedEnvironments({ clusters }: Detected): string[] | undefined {
  const environments = Map.groupBy(clusters.keys(), (name) => clusters.get(name)?.environment);
  return clusters.size === 0 || environments.has(undefined)
    ? undefined
    : [...environments].map(([name, members]) => `${name}=${members.join(',')}`);
}

async function clustersFrom(
  given: AnswersGiven,
  detected: Detected,
  environments: ReadonlyMap<string, readonly string[]>,
  asker: Asker,
): Promise<Map<string, ClusterAnswers>> {
  const described = parseClusters(given.clusters);
  if (environments.size > 0) {
    refuseStrayClusters(environments, described.keys());
  }
  const clusters = new Map<string, ClusterAnswers>();
  for (const name of [...environments.values()].flat()) {
    const cluster =
      described.get(name) ?? detectedCluster(detected, name) ?? (await askCluster(detected, name, asker));
    if (cluster !== undefined) {
      clusters.set(name, cluster);
    }
  }
  return clusters;
}

function detectedCluster({ clusters }: Detected, name: string): ClusterAnswers | undefined {
  const { kubernetes, region, account } = clusters.get(name) ?? {};
  return kubernetes === undefined || region === undefined || account === undefined
    ? undefined
    : { kubernetes, region, account };
}

async function askCluster(
  { clusters }: Detected,
  name: string,
  asker: Asker,
): Promise<ClusterAnswers | undefined> {
  const {
    kubernetes = '1.34',
    region = 'ap-northeast-1',
    account = '222222222222',
  } = clusters.get(name) ?? {};
  const example = `${kubernetes},${region},${account}`;
  const answer = await asker.ask(
    '--cluster',
    {
      message: `Kubernetes, region and account of ${name}`,
      example,
      check: (text) => mistakeOf(() => parseClusters([`${name}=${text}`])),
    },
    `${name}=${example}`,
  );
  return answer === '' ? undefined : parseClusters([`${name}=${answer}`]).get(name);
}

async function registriesFrom(
  given: AnswersGiven,
  detected: Detected,
  asker: Asker,
): Promise<readonly string[]> {
  if (given.registries.length > 0 || detected.registries.length > 0) {
    return given.registries.length > 0 ? given.registries : detected.registries;
  }
  return words(
    await asker.ask('--registry', {
      message: 'Registries that images may come from',
      example: '333333333333.dkr.ecr.ap-northeast-1.amazonaws.com',
    }),
  );
}

const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '');

function mistakeOf(parse: () => unknown): string | undefined {
  try {
    parse();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
