import { isMap, newMap, type PlainMap } from '../yaml/data.ts';
import { fillFastTemplate, TemplateMistake } from './fast-template.ts';
import type { TemplateEvaluator, TemplateJob } from './go-template.ts';
import { type FieldTemplate, fieldTemplate, fillFields } from './go-template-fields.ts';

/** How the templates of an ApplicationSet are written. */
export interface TemplateLanguage {
  readonly goTemplate: boolean;
  /** `missingkey=error` in `goTemplateOptions`. */
  readonly isStrict: boolean;
  readonly evaluate: TemplateEvaluator;
}

/** Something with templates in it, and what fills them. */
export interface Filling {
  readonly value: unknown;
  readonly params: PlainMap;
}

/**
 * Fills every string of each value, keys of maps too; all else stays as it is (applicationset/utils, `deeplyReplace`). Templates
 * that only name parameters are filled here, the others together by the evaluator.
 *
 * @throws TemplateMistake
 */
export async function fillAll(fillings: readonly Filling[], language: TemplateLanguage): Promise<unknown[]> {
  if (!language.goTemplate) {
    return fillings.map(({ value, params }) => mapTexts(value, (text) => fillFastTemplate(text, params)));
  }
  const jobs: TemplateJob[] = [];
  const seen = new Map<PlainMap, Map<string, number>>();
  const first = fillings.map(({ value, params }) =>
    mapTexts(value, (text) => {
      const filled = fillQuickly(text, params, language.isStrict);
      if (filled !== undefined) return filled;
      const known = seen.get(params) ?? new Map<string, number>();
      seen.set(params, known);
      if (!known.has(text)) known.set(text, jobs.push({ template: text, params }) - 1);
      return text;
    }),
  );
  if (jobs.length === 0) return first;
  const results = await language.evaluate(jobs, language.isStrict);
  return fillings.map(({ value, params }, index) => {
    const known = seen.get(params);
    if (known === undefined) return first[index];
    return mapTexts(value, (text) => {
      const job = known.get(text);
      return job === undefined
        ? (fillQuickly(text, params, language.isStrict) ?? text)
        : (results[job] ?? '');
    });
  });
}

/** One text; see `fillAll`. */
export async function fillText(text: string, params: PlainMap, language: TemplateLanguage): Promise<string> {
  const [filled] = await fillAll([{ value: text, params }], language);
  return String(filled);
}

/** Parsed templates by their text; undefined for those that need the evaluator. */
const parsed = new Map<string, FieldTemplate | undefined>();
const MOST_PARSED = 10_000;

function fillQuickly(text: string, params: PlainMap, isStrict: boolean): string | undefined {
  if (!text.includes('{{')) return text;
  if (!parsed.has(text)) {
    if (parsed.size >= MOST_PARSED) parsed.clear();
    parsed.set(text, fieldTemplate(text));
  }
  const template = parsed.get(text);
  return template === undefined ? undefined : fillFields(template, params, isStrict, text);
}

/** Whether a part of a template has nothing to fill; asked of the same parts for each Application of a set. */
const plain = new WeakMap<object, boolean>();

function isPlain(value: unknown): boolean {
  if (typeof value === 'string') return !value.includes('{{');
  if (typeof value !== 'object' || value === null) return true;
  const known = plain.get(value);
  if (known !== undefined) return known;
  const found = Object.entries(value).every(([key, item]) => isPlain(key) && isPlain(item));
  plain.set(value, found);
  return found;
}

/** A copy with every string replaced; parts without templates are shared, not copied. */
function mapTexts(value: unknown, replace: (text: string) => string): unknown {
  if (isPlain(value)) return value;
  if (typeof value === 'string') return replace(value);
  if (Array.isArray(value)) return value.map((item: unknown) => mapTexts(item, replace));
  if (!isMap(value)) return value;
  const map = newMap();
  for (const [key, item] of Object.entries(value)) map[replace(key)] = mapTexts(item, replace);
  return map;
}

/**
 * The `values` of a generator, filled as far as its parameters go: one that names others stays as it is written, for later
 * (applicationset/utils, `RenderGeneratorParams`).
 */
export async function fillKnown(
  value: unknown,
  params: PlainMap,
  language: TemplateLanguage,
): Promise<unknown> {
  if (!isMap(value)) return value;
  const map = newMap();
  for (const [key, item] of Object.entries(value)) {
    map[key] = item;
    if (typeof item !== 'string') continue;
    try {
      map[key] = await fillText(item, params, { ...language, isStrict: true });
    } catch (error) {
      if (!(error instanceof TemplateMistake && /^there is no parameter|cannot be read/.test(error.message)))
        throw error;
    }
  }
  return map;
}
