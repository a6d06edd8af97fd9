import { z } from 'zod';
import { duration } from './duration.ts';
import type { KajitoriConfig } from './kajitori-yaml.ts';
import { parseBySchema } from './mistakes.ts';

const SOURCE_WORDS = 'must be a GitHub repository as owner/name, like acme/web';

/** A run of release.yml may wait twice as long, there and back; then GitHub ends it. Milliseconds. */
export const LONGEST_DEADLINE_MS = 2 * 60 * 60_000;

/** What the new-app form asks for. `mixed`: a web app with workers. */
export const APP_KINDS = ['web', 'worker', 'job', 'mixed'] as const;
export type AppKind = (typeof APP_KINDS)[number];

/** The schema of app.yaml: one key, because the file is also a layer of Helm values, where `app` is ours. */
export const appSchema = z.strictObject({
  app: z
    .strictObject({
      team: z
        .string()
        .regex(/^[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?$/, 'must be the short name of a team, like shop')
        .describe('The owning team; teams.pattern in kajitori.yaml makes the GitHub team of it.'),
      sources: z
        .array(
          z
            .string(SOURCE_WORDS)
            .regex(/^[A-Za-z0-9](?:[A-Za-z0-9_-]{0,99})\/(?!\.{1,2}$)[\w.-]{1,100}$/, SOURCE_WORDS),
        )
        .min(1)
        .describe('The GitHub repositories whose runs may deploy this app, like acme/web.'),
      kind: z
        .enum(APP_KINDS)
        .optional()
        .describe('What kind of app was asked for: web, worker, job or mixed.'),
      deadline: duration
        .refine((milliseconds) => milliseconds <= LONGEST_DEADLINE_MS, 'must be at most 2h')
        .optional()
        .describe(
          'How long a cluster may take to be healthy after a deploy of this app, like 30m; at most 2h. Default: 15m, or what the deploy says.',
        ),
      template: z
        .string()
        .regex(/^\d+\.\d+\.\d+$/, 'must be a version in quotes, like "1.0.0"')
        .optional()
        .describe('The version of the template that the app was made from.'),
    })
    .describe('The answers of the new-app form.'),
});

/** What app.yaml says about an app. */
export type AppDefinition = z.output<typeof appSchema>['app'];

/**
 * Reads app.yaml of an app.
 *
 * @throws one Failure (exit 2, `invalid-file`) that lists every mistake with file:line:column
 */
export function parseAppYaml(source: string, file: string): AppDefinition {
  return parseBySchema(appSchema, source, file).app;
}

/** The GitHub team that owns an app, like `@acme/shop`; undefined where kajitori.yaml has no `teams`. */
export function ownerOf(config: KajitoriConfig, definition: AppDefinition): string | undefined {
  return config.teams?.pattern.replace('*', () => definition.team);
}
