import { z } from 'zod';
import { appSchema } from './app-yaml.ts';
import { kajitoriSchema } from './kajitori-yaml.ts';

export type SchemaFile = 'kajitori.schema.json' | 'app.schema.json';

/** Where the schemas of a major version of the suite are published: this repository at its moving tag. */
export const schemaUrl = (file: SchemaFile): string =>
  `https://raw.githubusercontent.com/kajitori/kajitori/v1/schemas/${file}`;

/** The comment that tells editors (yaml-language-server) which schema a file has. */
export const schemaLine = (file: SchemaFile): string => `# yaml-language-server: $schema=${schemaUrl(file)}`;

/** The JSON Schemas of our files, as they stand in schemas/ (`npm run generate` writes them). */
export function jsonSchemas(): Record<SchemaFile, object> {
  const publish = (file: SchemaFile, title: string, schema: z.ZodType): object => {
    const { $schema, ...rest } = z.toJSONSchema(schema, { io: 'input' });
    return { $schema, $id: schemaUrl(file), title, ...rest };
  };
  return {
    'kajitori.schema.json': publish('kajitori.schema.json', 'kajitori.yaml', kajitoriSchema),
    'app.schema.json': publish('app.schema.json', 'app.yaml', appSchema),
  };
}
