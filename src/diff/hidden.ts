import { createHmac, randomBytes } from 'node:crypto';
import type { KubernetesObject } from '../kubernetes/object.ts';
import { isMap } from '../yaml/data.ts';

/** Thrown away with the process, so that no fingerprint can be compared with a guess. */
const PROCESS_KEY = randomBytes(32);

/**
 * A value that nobody may see. It can be compared, and that is all: its text is in a private field, which neither JSON nor a
 * console reaches, so that no report can show it by mistake.
 */
export class HiddenValue {
  readonly #text: string;
  /** What may be shown: `(hidden)`, or the text with its credentials taken out. */
  readonly shown: string;

  constructor(text: string, shown = '(hidden)') {
    this.#text = text;
    this.shown = shown;
  }

  equals(other: HiddenValue): boolean {
    return this.#text === other.#text;
  }

  /** For telling values apart in one process, where nobody sees it: of no use for guessing the text. */
  fingerprint(): string {
    return createHmac('sha256', PROCESS_KEY).update(this.#text).digest('base64');
  }

  toJSON(): string {
    return this.shown;
  }

  toString(): string {
    return this.shown;
  }
}

/** A name whose value is a credential: of an environment variable, of a key in a ConfigMap, of a field of any object. */
const CREDENTIAL_NAME =
  /(?:^|[_.\-/])(?:password|passwd|passphrase|pwd|secret|token|credentials?|api[_.-]?key|private[_.-]?key|access[_.-]?key|secret[_.-]?key|auth[_.-]?key|signing[_.-]?key|encryption[_.-]?key|master[_.-]?key|dsn)$|(?:Password|Passphrase|Token|ApiKey|APIKey|PrivateKey|ClientSecret|AccessKey|SecretKey)$/i;

const isCredentialName = (name: string): boolean => CREDENTIAL_NAME.test(name);

/** Credentials that tell themselves by their form, in any text. */
const TELLING: readonly RegExp[] = [
  /-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]{0,30}PRIVATE KEY-----|$)/g,
  // AWS, GitHub, Slack, Google, Stripe, GitLab: the prefixes that their own secret scanners look for.
  /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g,
  /\bgh[pousr]_[A-Za-z0-9]{30,255}\b/g,
  /\bgithub_pat_[A-Za-z0-9_]{30,255}\b/g,
  /\bxox[abeoprs]-[A-Za-z0-9-]{10,255}/g,
  /\bAIza[A-Za-z0-9_-]{35}/g,
  /\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,255}/g,
  /\bglpat-[A-Za-z0-9_-]{20,255}/g,
  // A JSON web token.
  /\beyJ[A-Za-z0-9_-]{10,4096}\.eyJ[A-Za-z0-9_-]{10,4096}\.[A-Za-z0-9_-]{0,4096}/g,
];

/** `user:password@` of a URL. */
const URL_PASSWORD = /(\b[a-z][a-z0-9+.-]{0,30}:\/\/[^\s:/?#@]{0,256}:)[^\s/?#@]{1,1024}(@)/gi;

/** `password: x`, `--token=x`, `"apiKey": "x"` in a line of a configuration file or of a command. */
const ASSIGNMENT =
  /((?:^|[\s,;{&?"'-])["']?[\w.-]{0,64}?(?:password|passwd|passphrase|secret|token|api[_-]?key|private[_-]?key|access[_-]?key|secret[_-]?key)["']?[ \t]{0,8}[:=][ \t]{0,8})(?!\s|$|[{[|>&*$])("[^"\n]*"|'[^'\n]*'|[^\s,;&]+)/gim;

/** A text with what looks like a credential in it taken out; the same text where nothing does. */
function withoutCredentials(text: string): string {
  // Most texts hold nothing of the kind, and definitions of kinds hold a thousand descriptions.
  if (!MAY_TELL.test(text)) return text;
  let shown = text;
  for (const pattern of TELLING) shown = shown.replaceAll(pattern, '(hidden)');
  return shown.replaceAll(URL_PASSWORD, '$1(hidden)$2').replaceAll(ASSIGNMENT, '$1(hidden)');
}

/** A part of every pattern above. */
const MAY_TELL =
  /PRIVATE KEY|AKIA|ASIA|gh[pousr]_|github_pat_|xox|AIza|k_(?:live|test)_|glpat-|eyJ|:\/\/|pass|secret|token|key["']?[ \t]{0,8}[:=]/i;

/** It holds the whole object as it was applied, with all that is hidden elsewhere. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/**
 * An object in which no secret can be read, for everything that reports; a copy where something is hidden:
 *
 * - all of `data` and `stringData` of a Secret, also of one inside another object; not even the length is told,
 * - values under a name that says so (`DB_PASSWORD`, `apiKey`), of environment variables, ConfigMaps and custom kinds,
 * - what has the form of a credential in any text: private keys, tokens of well-known services, passwords in URLs and in lines
 *   such as `password: …`,
 * - the annotation in which kubectl keeps the whole object.
 *
 * A reference to a secret (`secretKeyRef`, `secretName`) is none, and stays.
 */
export const hideSecrets = (object: KubernetesObject): KubernetesObject =>
  hidden(object, '') as KubernetesObject;

function hidden(value: unknown, name: string): unknown {
  if (typeof value === 'string') {
    if (name === LAST_APPLIED || (isCredentialName(name) && value !== '')) return new HiddenValue(value);
    const shown = withoutCredentials(value);
    return shown === value ? value : new HiddenValue(value, shown);
  }
  if (Array.isArray(value)) {
    const shown = value.map((item: unknown, index) => hidden(item, flagBefore(value, index) ?? name));
    return shown.every((item, index) => item === value[index]) ? value : shown;
  }
  if (!isMap(value)) return value;
  if (value.kind === 'Secret' && typeof value.apiVersion === 'string') return hiddenSecret(value);
  // An environment variable, or a parameter of its form: what it is called stands beside its value.
  const called = typeof value.name === 'string' && isCredentialName(value.name) ? value.name : undefined;
  const keys = Object.keys(value);
  const shown = keys.map((key) =>
    hidden(value[key], called !== undefined && key === 'value' ? called : REFERENCES.has(key) ? '' : key),
  );
  return keys.every((key, index) => shown[index] === value[key])
    ? value
    : fromEntries(keys.map((key, index) => [key, shown[index]]));
}

/** `--password`, where the value of the flag is the next argument. */
function flagBefore(list: readonly unknown[], index: number): string | undefined {
  const before = list[index - 1];
  return typeof before === 'string' && before.startsWith('-') && isCredentialName(before)
    ? before
    : undefined;
}

/** Fields that end like a credential and hold the name of one. */
const REFERENCES = new Set(['existingSecret', 'secret', 'tokenSecret', 'credentials', 'passwordSecret']);

/** `stringData` is written into `data` by the API server: a value that only moves between them has not changed. */
function hiddenSecret(secret: Readonly<Record<string, unknown>>): unknown {
  const { kind, data, stringData, ...rest } = secret;
  const values = new Map<string, HiddenValue>();
  if (isMap(data)) {
    for (const [key, value] of Object.entries(data)) values.set(key, new HiddenValue(asText(value)));
  }
  if (isMap(stringData)) {
    for (const [key, value] of Object.entries(stringData)) {
      values.set(key, new HiddenValue(Buffer.from(asText(value)).toString('base64')));
    }
  }
  const isOdd = (data !== undefined && !isMap(data)) || (stringData !== undefined && !isMap(stringData));
  return {
    ...(hidden(rest, '') as object),
    kind,
    ...(values.size > 0 && { data: fromEntries([...values].sort(([a], [b]) => (a < b ? -1 : 1))) }),
    ...(isOdd && { data: new HiddenValue(JSON.stringify([data, stringData])) }),
  };
}

const asText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value ?? ''));

/** A plain map, in which a key named `__proto__` is a key. */
const fromEntries = (entries: readonly (readonly [string, unknown])[]): Record<string, unknown> =>
  Object.fromEntries(entries);
