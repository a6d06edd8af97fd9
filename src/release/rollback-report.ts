import { formatDuration } from '../config/duration.ts';
import { sameRepositoryName } from '../github/repository-name.ts';
import type { PastRelease } from '../history/past-releases.ts';
import { code, link, plain, table } from '../report/markdown.ts';
import { changeDiff, changeSection } from './change-diff.ts';
import { goesBack, type RolledBackImage } from './compute-rollback.ts';
import { appsOf, nameOf } from './deploy-message.ts';
import { formatImage, shortImage } from './image-reference.ts';
import type { Hold } from './release-state.ts';
import type { RollbackOutputs } from './rollback.ts';

/** One sentence: what happened. */
export function rollbackHeadline({
  result,
  changed,
  dryRun,
  pullRequest,
  commit,
  edits,
}: RollbackOutputs): string {
  const back = result.images.filter(goesBack);
  const apps = appsOf(back.length > 0 ? back : result.images).join(', ');
  if (edits.size === 0) {
    return `Nothing to do: ${apps} runs that release already; --to names an earlier one`;
  }
  if (dryRun) {
    return `Would roll back ${apps} in ${result.environment} (dry run, nothing written)`;
  }
  if (pullRequest !== undefined) {
    return `Proposed to roll back ${apps} in ${result.environment} as pull request #${pullRequest.number}`;
  }
  return changed && commit === undefined
    ? `Edited this folder to roll back ${apps} in ${result.environment}: commit it and push it`
    : `Rolled back ${apps} in ${result.environment}`;
}

const OUTCOMES: Readonly<Record<RolledBackImage['outcome'], string>> = {
  'rolled-back': 'goes back',
  removed: 'is taken away',
  'already-there': 'runs already',
  kept: 'stays: the earlier release did not know it',
  superseded: 'stays: somebody deployed since',
  'no-earlier': 'stays: nothing ran earlier',
};

/** The commits of the source repository that are undone, as GitHub compares them. */
function undone({ before, after }: RolledBackImage, serverUrl: string): string | undefined {
  const [from, to] = [before?.build?.source, after?.build?.source];
  return from === undefined ||
    to === undefined ||
    from.commit === to.commit ||
    !sameRepositoryName(from.repository, to.repository)
    ? undefined
    : `${serverUrl}/${from.repository}/compare/${to.commit}...${from.commit}`;
}

const age = (past: PastRelease | undefined, now: Date): string =>
  past === undefined ? '' : formatDuration(now.getTime() - past.at.getTime());

const holdText = (hold: Hold): string =>
  `${hold.until === undefined ? 'until somebody ends it' : `until ${hold.until.toISOString()}`}${hold.by === undefined ? '' : `, by ${hold.by}`}: ${hold.reason}`;

const NOT_CHECKED = 'Not checked: whether the image still exists in its registry.';

/** Without verdicts of waiting nobody knows. */
const verdictWords = (release: { readonly verdict: string } | undefined): string =>
  release === undefined || release.verdict === 'none'
    ? 'whether it was healthy is not known'
    : release.verdict;

/** For a terminal or a log. */
export function rollbackText(outputs: RollbackOutputs, now: Date, serverUrl: string): string {
  const { result, plans, commit, pullRequest } = outputs;
  return [
    rollbackHeadline(outputs),
    ...result.images.flatMap((image) => {
      const to = plans.find((each) => each.to.app === image.app)?.to;
      const compare = undone(image, serverUrl);
      return goesBack(image)
        ? [
            `  ${nameOf(image)}: ${image.before === undefined ? 'nothing' : shortImage(image.before.image)} → ${image.after === undefined ? 'nothing' : formatImage(image.after.image)} (released ${age(to, now)} ago, ${verdictWords(to)})`,
            ...(compare === undefined ? [] : [`    undoes: ${compare}`]),
          ]
        : [`  ${nameOf(image)}: ${OUTCOMES[image.outcome]}`];
    }),
    ...(outputs.edits.size > 0 ? [`  clusters: ${result.clusters.join(', ')} (always together)`] : []),
    ...[...result.holds].map(([app, hold]) => `  hold on ${app} ${holdText(hold)}`),
    ...(outputs.imagesChecked ? [] : [`  ${NOT_CHECKED}`]),
    ...result.checks.map((check) => `  ${check}`),
    ...(commit === undefined ? [] : [`  commit: ${commit.url}`]),
    ...(pullRequest === undefined ? [] : [`  pull request: ${pullRequest.url}`]),
    ...(outputs.dryRun && outputs.edits.size > 0 ? ['', changeDiff(outputs.edits, result.originals)] : []),
  ].join('\n');
}

/** The job summary: which image, how old, and which commits are undone. */
export function rollbackSummary(outputs: RollbackOutputs, now: Date, serverUrl: string): string {
  const { result, plans, commit, pullRequest } = outputs;
  const rows = result.images.map((image) => {
    const { from, to } = plans.find((each) => each.to.app === image.app) ?? {};
    const compare = undone(image, serverUrl);
    return [
      code(nameOf(image)),
      image.before === undefined ? '–' : `${code(formatImage(image.before.image))} (${age(from, now)} old)`,
      goesBack(image)
        ? image.after === undefined
          ? '–'
          : `${code(formatImage(image.after.image))} (${age(to, now)} old, ${verdictWords(to)})`
        : OUTCOMES[image.outcome],
      compare === undefined ? '–' : link('compare', compare),
    ];
  });
  return [
    `### ${plain(rollbackHeadline(outputs))}`,
    table(['app', 'runs now', 'goes back to', 'undone'], rows),
    ...[...result.holds].map(
      ([app, hold]) =>
        `**Hold on ${code(app)}** ${plain(holdText(hold))}. End it with the form Hold when it is mended; until then deploys are refused.`,
    ),
    ...(commit === undefined
      ? []
      : [
          `Commit ${link(code(commit.oid.slice(0, 8)), commit.url)}: all clusters get it from this one commit.`,
        ]),
    ...(pullRequest === undefined ? [] : [link(`Pull request #${pullRequest.number}`, pullRequest.url)]),
    ...(outputs.imagesChecked ? [] : [NOT_CHECKED]),
    ...result.checks.map(plain),
    ...changeSection(outputs.edits, result.originals),
  ].join('\n\n');
}

/** For machines (`--json`). */
export const rollbackJson = (outputs: RollbackOutputs): object => ({
  changed: outputs.changed,
  dryRun: outputs.dryRun,
  environment: outputs.result.environment,
  clusters: outputs.result.clusters,
  images: outputs.result.images.map(({ app, name, before, after, outcome }) => ({
    app,
    name: name === '' ? undefined : name,
    before: before === undefined ? undefined : formatImage(before.image),
    after: after === undefined ? undefined : formatImage(after.image),
    outcome,
  })),
  to: outputs.plans.map(({ to }) => ({ app: to.app, commit: to.commit, at: to.at, verdict: to.verdict })),
  holds: Object.fromEntries(outputs.result.holds),
  imagesChecked: outputs.imagesChecked,
  checks: outputs.result.checks,
  commit: outputs.commit?.oid,
  commitUrl: outputs.commit?.url,
  pullRequest: outputs.pullRequest?.url,
  files: [...outputs.edits.keys()],
  diff: outputs.dryRun ? changeDiff(outputs.edits, outputs.result.originals) : undefined,
});
