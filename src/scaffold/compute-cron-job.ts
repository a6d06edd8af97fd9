import { parseAppName } from '../config/app-name.ts';
import { KAJITORI_FILE } from '../config/kajitori-yaml.ts';
import { couldNot, refused } from '../report/failure.ts';
import type { Change } from '../repository/change.ts';
import type { CommitMessage } from '../repository/commit-message.ts';
import type { Tree } from '../repository/tree.ts';
import { editYaml } from '../yaml/edit.ts';
import { parseYaml } from '../yaml/parse.ts';
import type { YamlPath } from '../yaml/path.ts';
import { checkCommand, checkComponentName } from './component-spec.ts';
import type { Asking } from './compute-new-app.ts';
import { type CronSchedule, formatRun, parseSchedule } from './cron-schedule.ts';
import { valuesHeader } from './first-values.ts';
import { valuesFile } from './new-app.ts';
import { PLATFORM_SETTING_FILES, platformSetting } from './platform-setting.ts';
import { readConfig } from './read-config.ts';
import { demandStandardApp } from './standard-app.ts';

/** A cron job as people write it: the fields of the form, or the options of the command. Empty ones are undefined. */
export interface CronJobTexts {
  readonly app: string | undefined;
  readonly name: string | undefined;
  readonly schedule: string | undefined;
  readonly run: string | undefined;
  /** Undefined: as the platform team says for all. */
  readonly timeZone: string | undefined;
}

/** A new cron job, checked as far as it can be without the repository. */
export interface CronJobRequest {
  readonly app: string;
  readonly name: string;
  readonly schedule: string;
  readonly run: string;
  readonly timeZone: string | undefined;
}

export interface CronJobResult {
  readonly app: string;
  readonly name: string;
  readonly schedule: CronSchedule;
  readonly run: string;
}

/**
 * @throws Failure (exit 2) that names the field which is wrong or missing
 */
export function cronJobRequest(texts: CronJobTexts, now: Date): CronJobRequest {
  const { schedule } = parseSchedule(required(texts.schedule, 'schedule'), texts.timeZone ?? 'Etc/UTC', now);
  return {
    app: parseAppName(required(texts.app, 'app')),
    name: checkComponentName(required(texts.name, 'name'), undefined),
    schedule,
    run: checkCommand(required(texts.run, 'run')),
    timeZone: texts.timeZone,
  };
}

function required(text: string | undefined, name: string): string {
  if (text === undefined || text.trim() === '') {
    throw couldNot(`${name} is missing.`, { todo: `Give ${name}.`, reason: 'missing-input' });
  }
  return text.trim();
}

/** What the computation surely reads. */
export const filesOfCronJob = (app: string): readonly string[] => [
  KAJITORI_FILE,
  `apps/${app}/app.yaml`,
  valuesFile(app),
  ...PLATFORM_SETTING_FILES,
];

/** In `chart`s of ours, what the time zone is when nobody says (charts/app/values.yaml). */
const TIME_ZONE = 'Etc/UTC';

/**
 * The change that adds a cron job to the values of an app: three lines, all else stays as it is.
 *
 * @throws Failure: `taken` where the app has another job or worker of this name; `unknown-app`; what the files are
 * refused for
 */
export async function computeCronJob(
  tree: Tree,
  request: CronJobRequest,
  asking: Asking,
  now: Date,
): Promise<Change<CronJobResult>> {
  const { app, name, run } = request;
  const config = await readConfig(tree);
  await demandStandardApp(tree, config, app);
  const file = valuesFile(app);
  const source = (await tree.read(file)) ?? valuesHeader(config);
  const values = parseYaml(source, { file });
  const timeZone = request.timeZone ?? (await platformSetting(tree, ['cron', 'timeZone'], TIME_ZONE));
  const schedule = parseSchedule(request.schedule, timeZone, now);
  const result: CronJobResult = { app, name, schedule, run };
  const path: YamlPath = ['cron', name];
  const wanted = {
    schedule: schedule.schedule,
    run,
    ...(request.timeZone === undefined ? {} : { timeZone: schedule.timeZone }),
  };
  const message = cronJobMessage(result, asking);
  const there = values.get(path);
  if (there !== undefined && there !== null) {
    if (JSON.stringify(sorted(there)) === JSON.stringify(sorted(wanted))) {
      return { edits: new Map(), message, via: 'pull-request', result };
    }
    throw refused(`${app} has a cron job ${name} already, with other settings.`, {
      at: values.placeOfKey(path),
      todo: `Choose another name, or edit it in ${file}.`,
      reason: 'taken',
    });
  }
  if (values.get(['workers', name]) !== undefined) {
    throw refused(`${app} has a worker ${name}, whose pods would be taken for those of the cron job.`, {
      at: values.placeOfKey(['workers', name]),
      todo: 'Choose another name.',
      reason: 'taken',
    });
  }
  const edits = new Map([[file, editYaml(source, [{ op: 'set', path, value: wanted }], { file })]]);
  return { edits, message, via: 'pull-request', result };
}

const sorted = (value: unknown): unknown =>
  typeof value === 'object' && value !== null
    ? Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
    : value;

/** What the schedule means, for a log and for a pull request. */
export const scheduleWords = ({ schedule: { schedule, words, timeZone, next } }: CronJobResult): string =>
  `${schedule}: ${words} (${timeZone}). Next: ${next.map((run) => formatRun(run, timeZone)).join('; ')}.`;

function cronJobMessage(result: CronJobResult, asking: Asking): CommitMessage {
  const { app, name, schedule, run } = result;
  return {
    headline: `Add the cron job ${name} to ${app}`,
    body: [
      `\`${run}\` runs ${lowerFirst(schedule.words)} (\`${schedule.schedule}\`, ${schedule.timeZone}), with the image of ${app}, in the active cluster of each environment.`,
      `The next three runs:\n\n${schedule.next.map((at) => `- ${formatRun(at, schedule.timeZone)}`).join('\n')}`,
      'It starts to run when this is merged, in every environment that the app is deployed to.',
    ].join('\n\n'),
    trailers: [
      { name: 'Kajitori-App', value: app },
      { name: 'Kajitori-Action', value: 'add-cronjob' },
      ...(asking.person === undefined ? [] : [{ name: 'Kajitori-Actor', value: asking.person }]),
      ...(asking.run === undefined ? [] : [{ name: 'Kajitori-Run', value: asking.run }]),
    ],
  };
}

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);
