import { nameHint } from '../config/nearest.ts';
import { couldNot } from '../report/failure.ts';
import { parseSchedule } from './cron-schedule.ts';

/** What an app consists of: the keys of values.yaml that a new app begins with. */
export interface Components {
  readonly web?: {
    readonly port: number;
    readonly host?: string;
    readonly scale?: Scale;
    readonly run?: string;
  };
  readonly workers?: Readonly<Record<string, Worker>>;
  readonly cron?: Readonly<Record<string, CronJob>>;
  readonly migrate?: { readonly run: string };
  readonly secrets?: readonly string[];
}

export interface Worker {
  readonly run: string;
  readonly queue?: string;
  readonly scale?: Scale;
}

export interface CronJob {
  readonly schedule: string;
  readonly run: string;
}

/** A number of pods, or a range in which it follows the load: `2-10`. */
type Scale = number | string;

/**
 * Workers and cron jobs: a DNS label that still fits behind the longest app name (`<app>-<cron job>` has 52
 * characters, because a CronJob appends 11 to the names of its Jobs).
 */
const COMPONENT_NAME = /^[a-z](?:[a-z0-9-]{0,19}[a-z0-9])?$/;

/**
 * A command without what only a shell would read: no shell reads it. charts/app/values.schema.json has the same for `run`.
 */
const COMMAND = /^[^\s"'`$|&;<>()\\*?~]+(?: +[^\s"'`$|&;<>()\\*?~]+)*$/;

/** Pods are told apart by the names of their components, and these are two of them already. */
const RESERVED = ['web', 'migrate'];

const LONGEST_COMMAND = 500;
const LONGEST_SPEC = 2000;

/**
 * Reads the one-line description of an app with several components: parts between `;`, each a kind of component, for
 * workers and cron jobs a name, and what it needs as `key=value`. Words with spaces stand in quotes.
 *
 *     web port=8080 host=shop scale=2-10; worker mailer run=bin/mailer queue=mail; cron daily "0 3 * * *" run="rake report";
 *     secrets DATABASE_URL API_KEY
 *
 * @throws Failure (exit 2, `bad-spec`) that names the part
 */
export function parseComponents(spec: string, now: Date): Components {
  if (spec.length > LONGEST_SPEC) {
    throw badSpec(spec, `it has ${spec.length} characters, ${LONGEST_SPEC} are allowed`);
  }
  const parts = words(spec);
  let components: Components = {};
  for (const [kind = '', ...rest] of parts) {
    const read = Object.hasOwn(PARTS, kind) ? PARTS[kind] : undefined;
    if (read === undefined) {
      throw badSpec(kind, `there is no such component. ${nameHint(kind, Object.keys(PARTS))}`);
    }
    components = read(components, rest, now);
  }
  if (parts.length === 0) {
    throw badSpec(spec, 'it names no component');
  }
  return components;
}

type ReadPart = (components: Components, rest: readonly string[], now: Date) => Components;

const PARTS: Readonly<Record<string, ReadPart>> = {
  web: (components, rest) => {
    if (components.web !== undefined) {
      throw badSpec('web', 'an app has one; give it twice the pods instead, scale=2-10');
    }
    const { names, options } = split('web', rest, ['port', 'host', 'scale', 'run']);
    nothingElse('web', names);
    const { port = '8080', host, scale, run } = options;
    if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535) {
      throw badSpec(port, 'a port is a number from 1 to 65535');
    }
    return {
      ...components,
      web: {
        port: Number(port),
        ...(host === undefined ? {} : { host: checkHost(host) }),
        ...(scale === undefined ? { scale: 2 } : { scale: parseScale(scale) }),
        ...(run === undefined ? {} : { run: checkCommand(run) }),
      },
    };
  },
  worker: (components, rest) => {
    const { names, options } = split('worker', rest, ['run', 'queue', 'scale']);
    const name = nameOf('worker', names, 'worker', { ...components.cron, ...components.workers });
    const { run = `bin/${name}`, queue, scale } = options;
    const worker: Worker = {
      run: checkCommand(run),
      ...(queue === undefined ? {} : { queue: checkQueue(queue) }),
      scale: parseScale(scale ?? '1'),
    };
    return { ...components, workers: { ...components.workers, [name]: worker } };
  },
  cron: (components, rest, now) => {
    const { names, options } = split('cron', rest, ['run', 'schedule']);
    const [name, schedule = options.schedule, ...more] = names;
    nothingElse('cron', more);
    if (name === undefined || schedule === undefined || options.run === undefined) {
      throw badSpec(
        'cron',
        'it needs a name, a schedule and run=, like cron daily "0 3 * * *" run=bin/report',
      );
    }
    checkComponentName(name, { ...components.cron, ...components.workers });
    const job: CronJob = {
      schedule: parseSchedule(schedule, 'Etc/UTC', now).schedule,
      run: checkCommand(options.run),
    };
    return { ...components, cron: { ...components.cron, [name]: job } };
  },
  migrate: (components, rest) => {
    const { names, options } = split('migrate', rest, ['run']);
    nothingElse('migrate', names);
    return { ...components, migrate: { run: checkCommand(options.run ?? 'bin/migrate') } };
  },
  secrets: (components, rest) => ({
    ...components,
    secrets: [...(components.secrets ?? []), ...rest.flatMap((word) => word.split(',')).filter(Boolean)].map(
      checkSecretName,
    ),
  }),
};

/** The words of every part; quotes hold spaces, and there is no escaping: what needs it is no value of ours. */
function words(spec: string): string[][] {
  const parts: string[][] = [[]];
  for (const [token] of spec.matchAll(/;|(?:[^\s;"']|"[^"]*"|'[^']*'|["'])+/g)) {
    if (token === ';') {
      parts.push([]);
    } else if (/["']/.test(token.replaceAll(/"[^"]*"|'[^']*'/g, ''))) {
      throw badSpec(token, 'a quote is not closed');
    } else {
      parts.at(-1)?.push(token.replaceAll(/"([^"]*)"|'([^']*)'/g, '$1$2'));
    }
  }
  return parts.filter((part) => part.length > 0);
}

interface Words {
  readonly names: readonly string[];
  readonly options: Readonly<Partial<Record<string, string>>>;
}

function split(part: string, rest: readonly string[], known: readonly string[]): Words {
  const names: string[] = [];
  const options = new Map<string, string>();
  for (const word of rest) {
    const [, key, value] = /^([A-Za-z][\w-]*)=(.*)$/s.exec(word) ?? [];
    if (key === undefined || value === undefined) {
      names.push(word);
    } else if (!known.includes(key)) {
      throw badSpec(word, `${part} has no ${key}. ${nameHint(key, known)}`);
    } else if (options.has(key)) {
      throw badSpec(word, `${key} is given twice`);
    } else {
      options.set(key, value);
    }
  }
  return { names, options: Object.fromEntries(options) };
}

function nothingElse(part: string, names: readonly string[]): void {
  if (names[0] !== undefined) {
    throw badSpec(names[0], `${part} takes only key=value here, with quotes around spaces`);
  }
}

function nameOf(part: string, names: readonly string[], ifNone: string, taken: object | undefined): string {
  const [name = ifNone, ...more] = names;
  nothingElse(part, more);
  return checkComponentName(name, taken);
}

/** @throws Failure (exit 2, `bad-spec`) for a name that no worker or cron job can have, or that one has already */
export function checkComponentName(name: string, taken: object | undefined): string {
  if (!COMPONENT_NAME.test(name)) {
    throw badSpec(
      name,
      'a name is lower-case letters, digits and hyphens, begins with a letter and has at most 21 characters',
    );
  }
  if (RESERVED.includes(name)) {
    throw badSpec(name, 'another component of every app has this name');
  }
  if (taken !== undefined && Object.hasOwn(taken, name)) {
    throw badSpec(name, 'the name is used twice');
  }
  return name;
}

/** @throws Failure (exit 2, `bad-spec`) for a command that would need a shell */
export function checkCommand(text: string): string {
  const command = text.trim();
  if (command.length > LONGEST_COMMAND || !COMMAND.test(command)) {
    throw badSpec(
      text,
      'no shell reads a command, so it is words with spaces between them, without quotes, $, *, |, &, ; and the like; put more into a script of the image',
    );
  }
  return command;
}

function parseScale(text: string): Scale {
  const [, least = '', most] = /^(\d{1,3})(?:-(\d{1,3}))?$/.exec(text) ?? [];
  if (least === '' || (most !== undefined && Number(most) <= Number(least))) {
    throw badSpec(text, 'scale is a number of pods, like 2, or a range, like 2-10');
  }
  return most === undefined ? Number(least) : `${Number(least)}-${Number(most)}`;
}

function checkHost(text: string): string {
  if (
    text.length > 253 ||
    !/^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/.test(text)
  ) {
    throw badSpec(text, 'a host is a DNS name, like shop or shop.example.com');
  }
  return text;
}

/** Docs: "Amazon SQS message quotas", queue name. */
function checkQueue(text: string): string {
  if (!/^[\w-]{1,75}(?:\.fifo)?$/.test(text)) {
    throw badSpec(text, 'a queue is the name of an SQS queue: letters, digits, - and _');
  }
  return text;
}

function checkSecretName(text: string): string {
  if (!/^[A-Z_][A-Z0-9_]{0,127}$/i.test(text)) {
    throw badSpec(text, 'a secret is the name of an environment variable, like DATABASE_URL');
  }
  return text;
}

const badSpec = (text: string, why: string) =>
  couldNot(`${JSON.stringify(text.slice(0, 100))} cannot be read: ${why}.`, {
    todo: 'Write it like: web port=8080 scale=2-10; worker mailer run=bin/mailer queue=mail; cron daily "0 3 * * *" run=bin/report; secrets DATABASE_URL',
    reason: 'bad-spec',
  });
