import { code, link, plain, table } from '../report/markdown.ts';
import type { BumpOutputs } from './bump.ts';
import { changeDiff, changeSection } from './change-diff.ts';
import type { ImageOutcome } from './compute-bump.ts';
import { nameOf } from './deploy-message.ts';
import { formatImage, shortImage } from './image-reference.ts';
import { formatSource } from './source.ts';

/** The edits as a unified diff. */
export const bumpDiff = (outputs: BumpOutputs): string => changeDiff(outputs.edits, outputs.originals);

/** One sentence: what happened. */
export function bumpHeadline(outputs: BumpOutputs): string {
  const where = outputs.environment === undefined ? '' : ` to ${outputs.environment}`;
  const apps = [...new Set(outputs.images.map(nameOf))].join(', ') || `${outputs.edits.size} files`;
  switch (outputs.reason) {
    case 'bumped':
      if (outputs.pullRequest !== undefined) {
        return `Proposed ${apps}${where} as pull request #${outputs.pullRequest.number}`;
      }
      return outputs.commit === undefined
        ? `Edited this folder to deploy ${apps}${where}: commit it and push it`
        : `Deployed ${apps}${where}`;
    case 'would-bump':
      return `Would deploy ${apps}${where} (dry run, nothing written)`;
    case 'older':
      return `Nothing to do: a newer build of ${apps} is there already`;
    case 'already-there':
      return `Nothing to do: ${apps} runs this image already`;
    case 'nothing':
      return 'Nothing to do: all values are there already';
  }
}

const OUTCOMES: Readonly<Record<ImageOutcome['outcome'], string>> = {
  bumped: 'new',
  'already-there': 'was there already',
  older: 'left alone: a newer build runs',
};

const whatRuns = ({ before, recorded }: ImageOutcome): string =>
  [
    before === undefined ? 'nothing' : formatImage(before),
    recorded === undefined ? '' : `(${formatSource(recorded.source)})`,
  ]
    .join(' ')
    .trim();

/** For a terminal or a log: the headline, a line an image, where it went. */
export function bumpText(outputs: BumpOutputs): string {
  const { commit, pullRequest } = outputs;
  return [
    bumpHeadline(outputs),
    ...outputs.images.map((image) =>
      image.outcome === 'bumped'
        ? `  ${nameOf(image)}: ${image.before === undefined ? 'nothing' : shortImage(image.before)} → ${formatImage(image.after)}`
        : `  ${nameOf(image)}: ${OUTCOMES[image.outcome]}: ${whatRuns(image)}`,
    ),
    ...(outputs.clusters.length > 0 && outputs.edits.size > 0
      ? [`  clusters: ${outputs.clusters.join(', ')} (always together)`]
      : []),
    ...[...outputs.edits.keys()].map((file) => `  file: ${file}`),
    ...(outputs.overridden.length > 0 ? [`  set aside: ${outputs.overridden.join(', ')} (recorded)`] : []),
    ...(commit === undefined ? [] : [`  commit: ${commit.url}`]),
    ...(pullRequest === undefined ? [] : [`  pull request: ${pullRequest.url}${MERGING[outputs.merging]}`]),
    ...(outputs.attempts > 1 ? [`  attempts: ${outputs.attempts} (others wrote at the same time)`] : []),
  ].join('\n');
}

const MERGING: Readonly<Record<BumpOutputs['merging'], string>> = {
  no: '',
  'when-ready': ' (merges itself when its checks are green)',
  merged: ' (merged)',
};

/** The job summary: which app, from which image to which, in which clusters, link. */
export function bumpSummary(outputs: BumpOutputs): string {
  const { commit, pullRequest } = outputs;
  const clusters = outputs.clusters.map(code).join(', ');
  const rows = outputs.images.map((image) => [
    code(nameOf(image)),
    image.before === undefined ? '–' : code(formatImage(image.before)),
    image.outcome === 'bumped' ? code(formatImage(image.after)) : OUTCOMES[image.outcome],
    clusters,
  ]);
  return [
    `### ${plain(bumpHeadline(outputs))}`,
    ...(rows.length === 0 ? [] : [table(['app', 'before', 'after', 'clusters'], rows)]),
    ...(commit === undefined
      ? []
      : [
          `Commit ${link(code(commit.oid.slice(0, 8)), commit.url)}: all clusters get it from this one commit.`,
        ]),
    ...(pullRequest === undefined
      ? []
      : [`${link(`Pull request #${pullRequest.number}`, pullRequest.url)}${MERGING[outputs.merging]}`]),
    ...(outputs.overridden.length === 0
      ? []
      : [
          `**Set aside by a person:** ${outputs.overridden.join(', ')}. The reason is recorded in the commit.`,
        ]),
    ...changeSection(outputs.edits, outputs.originals),
  ].join('\n\n');
}

/** For machines (`--json`). */
export function bumpJson(outputs: BumpOutputs): object {
  return {
    changed: outputs.changed,
    reason: outputs.reason,
    environment: outputs.environment,
    clusters: outputs.clusters,
    commit: outputs.commit?.oid,
    commitUrl: outputs.commit?.url,
    pullRequest: outputs.pullRequest?.url,
    files: [...outputs.edits.keys()],
    images: outputs.images.map((image) => ({
      app: image.app,
      name: image.name === '' ? undefined : image.name,
      before: image.before === undefined ? undefined : formatImage(image.before),
      after: formatImage(image.after),
      outcome: image.outcome,
    })),
    overridden: outputs.overridden,
    attempts: outputs.attempts,
    diff: outputs.reason === 'would-bump' ? bumpDiff(outputs) : undefined,
  };
}
