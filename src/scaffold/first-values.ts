import { Document, isSeq } from 'yaml';
import type { AppKind } from '../config/app-yaml.ts';
import type { KajitoriConfig } from '../config/kajitori-yaml.ts';
import type { Components } from './component-spec.ts';

/** What an app of a kind begins with, when nothing more was said. */
const BY_KIND: Readonly<Record<AppKind, Components>> = {
  web: { web: { port: 8080, scale: 2 } },
  worker: { workers: { worker: { run: 'bin/worker', scale: 1 } } },
  job: { cron: { daily: { schedule: '0 3 * * *', run: 'bin/daily' } } },
  mixed: {
    web: { port: 8080, scale: 2 },
    workers: { worker: { run: 'bin/worker', scale: 1 } },
  },
};

/** The line by which editors know the keys; the chart lies beside unless it comes from a registry. */
export const valuesHeader = (config: KajitoriConfig): string =>
  config.chart === undefined ? '# yaml-language-server: $schema=../../charts/app/values.schema.json\n' : '';

/** The first values.yaml of an app. From then on it is the developers'. */
export function firstValues(
  config: KajitoriConfig,
  kind: AppKind,
  components: Components | undefined,
): string {
  // Helm reads YAML 1.1, where a name like `on` would be a boolean: such words get quotes.
  const values = new Document(components ?? BY_KIND[kind], { compat: 'yaml-1.1' });
  const secrets = values.get('secrets');
  if (isSeq(secrets)) {
    secrets.flow = true;
  }
  const body = values.toString({ lineWidth: 0, flowCollectionPadding: false });
  return `${valuesHeader(config)}${body}`;
}
