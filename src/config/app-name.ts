import { couldNot } from '../report/failure.ts';
import { LABEL, LONGEST_APP_NAME } from './names.ts';

/**
 * An app's name is its namespace and its AppProject, so names that clusters and Argo CD use themselves are taken.
 * `default` is also the AppProject of Argo CD in which everything is allowed.
 */
const RESERVED = new Set(['default', 'argocd', 'kajitori', 'platform', 'constructor']);
const RESERVED_PREFIX = /^kube-/;

/** Words that a YAML 1.1 reader (Helm, Argo CD) takes for a boolean or nothing when they stand without quotes. */
const YAML_WORDS = new Set(['y', 'n', 'yes', 'no', 'on', 'off', 'true', 'false', 'null']);

/**
 * Reads the name of an app: a DNS label of at most 30 characters.
 *
 * 30, because what is built from it must fit as well: `<app>-<cluster>` (63 characters where Argo CD tracks by
 * label), `<app>-<cron job>` (52, as a CronJob appends 11 to the names of its Jobs), `<app>-<workload>` in names
 * of pods, the Helm release (53).
 *
 * @throws Failure (exit 2, `bad-app-name`) for anything else; nothing that could be a path or an option passes
 */
export function parseAppName(text: string): string {
  const refuse = (why: string, todo: string) =>
    couldNot(`${shown(text)} cannot be the name of an app: ${why}.`, { todo, reason: 'bad-app-name' });
  if (text.length > LONGEST_APP_NAME) {
    throw refuse(
      `it has ${text.length} characters`,
      `Use at most ${LONGEST_APP_NAME}: <app>-<cluster> and <app>-<cron job> must fit into Kubernetes names.`,
    );
  }
  if (!LABEL.test(text)) {
    throw refuse(
      'it is not a DNS label',
      'Use lower-case letters, digits and hyphens; begin with a letter; do not end with a hyphen.',
    );
  }
  if (RESERVED.has(text) || RESERVED_PREFIX.test(text)) {
    throw refuse('the cluster or Argo CD uses it already', 'Choose a name that says what the app does.');
  }
  if (YAML_WORDS.has(text)) {
    throw refuse('YAML reads it as true, false or nothing', 'Choose a name that says what the app does.');
  }
  return text;
}

/** A hostile name must not fill a log or move a terminal's cursor. */
const shown = (text: string): string => {
  const quoted = JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
  return quoted.replaceAll(/[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, '?');
};
