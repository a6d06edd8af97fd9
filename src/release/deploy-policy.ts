import type { AppDefinition } from '../config/app-yaml.ts';
import type { Environment } from '../config/kajitori-yaml.ts';
import { sameRepositoryName } from '../github/repository-name.ts';
import { type Failure, refused } from '../report/failure.ts';
import { type ImageReference, isInRegistries } from './image-reference.ts';
import { type Hold, isInForce } from './release-state.ts';
import { formatSource, type Source } from './source.ts';

/** What a person may set aside, with a reason that is recorded in the commit. */
export type Override = 'hold' | 'freeze' | 'diverged';

/** What was set aside in one bump, for the audit trail. */
export interface Overriding {
  readonly overrides: ReadonlySet<Override>;
  /** Why; required when anything is set aside. */
  readonly reason: string | undefined;
}

const howToOverride = (what: Override, because: string): string =>
  what === 'diverged'
    ? `If it is meant, run it again with --force --reason "…" (force, reason). ${because}`
    : `If it cannot wait, run it again with --override ${what} --reason "…" (override, reason): both are recorded. ${because}`;

/**
 * Only a run of a repository that app.yaml names may deploy the app.
 * Design: "How a bump is written", step 0.
 */
export function refuseForeignSource(
  app: string,
  definition: AppDefinition,
  source: Source,
  file: string,
): void {
  if (!definition.sources.some((allowed) => sameRepositoryName(allowed, source.repository))) {
    throw refused(`${source.repository} may not deploy the app ${app}.`, {
      at: { file },
      todo: `Allowed are: ${definition.sources.join(', ')}. The owning team (${definition.team}) can add a repository under app.sources.`,
      reason: 'foreign-source',
    });
  }
}

/** Only images of the company's own registries run. */
export function refuseForeignRegistry(image: ImageReference, registries: readonly string[]): void {
  if (!isInRegistries(image.repository, registries)) {
    throw refused(`The image ${image.repository} is in a registry that is not allowed.`, {
      at: { file: 'kajitori.yaml' },
      todo: `Push it to one of: ${registries.join(', ')}. A platform engineer can add a registry under registries.`,
      reason: 'foreign-registry',
    });
  }
}

/** A tag can be moved to another image after it was tested; a digest cannot. */
export function refuseMissingDigest(image: ImageReference, rule: 'required' | 'optional'): void {
  if (rule === 'required' && image.digest === undefined) {
    throw refused(`The image ${image.repository}:${image.tag ?? ''} has no digest.`, {
      todo: 'Give repository:tag@sha256:…; the build step prints the digest.',
      reason: 'no-digest',
    });
  }
}

/** No deploy in a freeze window, unless it is overridden. @returns whether an override was used */
export function respectFreeze(environment: Environment, now: Date, overriding: Overriding): boolean {
  const window = environment.freeze.find(({ from, to }) => from <= now && now < to);
  return respect(
    window === undefined
      ? undefined
      : refused(`${environment.name} is frozen until ${window.to.toISOString()}: ${window.reason}.`, {
          todo: howToOverride('freeze', ''),
          reason: 'freeze',
        }),
    'freeze',
    overriding,
  );
}

/** No deploy while a hold is on, unless it is overridden. @returns whether an override was used */
export function respectHold(
  app: string,
  environment: Environment,
  hold: Hold | undefined,
  now: Date,
  file: string,
  overriding: Overriding,
): boolean {
  const by = hold?.by === undefined ? '' : ` by ${hold.by}`;
  const until = hold?.until === undefined ? '' : ` until ${hold.until.toISOString()}`;
  return respect(
    isInForce(hold, now)
      ? refused(`${app} is on hold in ${environment.name}${by}${until}: ${hold.reason}`, {
          at: { file },
          todo: howToOverride('hold', 'Else wait until the hold is ended.'),
          reason: 'hold',
        })
      : undefined,
    'hold',
    overriding,
  );
}

/** A build that neither contains nor is contained in what runs needs a person's word. @returns whether it was given */
export function respectDiverged(
  app: string,
  environment: Environment,
  recorded: Source,
  incoming: Source,
  overriding: Overriding,
): boolean {
  return respect(
    refused(
      `${app} runs ${formatSource(recorded)} in ${environment.name}; ${formatSource(incoming)} is neither newer nor older than that.`,
      {
        todo: howToOverride('diverged', 'Else deploy a commit that contains what runs now.'),
        reason: 'diverged',
      },
    ),
    'diverged',
    overriding,
  );
}

function respect(refusal: Failure | undefined, what: Override, overriding: Overriding): boolean {
  if (refusal !== undefined && !overriding.overrides.has(what)) {
    throw refusal;
  }
  return refusal !== undefined;
}
