import { TemplateMistake } from './fast-template.ts';
import { type TemplatePiece, type Token, tokenize } from './go-template-tokens.ts';
import { goNumber } from './go-value.ts';

/** A template that only names parameters: `{{.a.b}}`, `{{ $.a }}`, `{{index .path.segments 1}}`. */
export interface FieldTemplate {
  /** Text, or a way into the parameters. */
  readonly parts: readonly (string | FieldReference)[];
}

interface FieldReference {
  readonly fields: readonly string[];
  /** The arguments of `index`. */
  readonly index: readonly (string | number)[];
}

/** What most templates of ApplicationSets are; undefined for one that needs a real evaluator. */
export function fieldTemplate(template: string): FieldTemplate | undefined {
  const parts: (string | FieldReference)[] = [];
  let trimNext = false;
  for (const piece of tokenize(template)) {
    if (piece.kind === 'text') {
      parts.push(trimNext ? piece.text.replace(/^[ \t\r\n]+/, '') : piece.text);
      trimNext = false;
      continue;
    }
    if (piece.trimsBefore) trimEnd(parts);
    trimNext = piece.trimsAfter;
    if (piece.tokens.length === 0) continue;
    const reference = referenceOf(piece.tokens);
    if (reference === undefined) return undefined;
    parts.push(reference);
  }
  return { parts };
}

function trimEnd(parts: (string | FieldReference)[]): void {
  const last = parts.at(-1);
  if (typeof last === 'string') parts[parts.length - 1] = last.replace(/[ \t\r\n]+$/, '');
}

function referenceOf(
  tokens: Extract<TemplatePiece, { kind: 'action' }>['tokens'],
): FieldReference | undefined {
  const words = spaced(tokens);
  const [first = []] = words;
  if (words.length === 1) {
    const fields = fieldsOf(first);
    return fields && { fields, index: [] };
  }
  const fields = fieldsOf(words[1] ?? []);
  const index = words.slice(2).map(argumentOf);
  const isIndex = first.length === 1 && first[0]?.text === 'index' && index.length > 0;
  return isIndex && fields !== undefined && index.every((each) => each !== undefined)
    ? { fields, index }
    : undefined;
}

/** Tokens in groups, as white space divides them. */
function spaced(tokens: readonly Token[]): Token[][] {
  const groups: Token[][] = [[]];
  for (const token of tokens) {
    if (token.kind === 'space') groups.push([]);
    else groups.at(-1)?.push(token);
  }
  return groups.filter((group) => group.length > 0);
}

function fieldsOf(tokens: readonly Token[]): string[] | undefined {
  const fields = tokens[0]?.text === '$' ? tokens.slice(1) : tokens;
  return fields.length > 0 && fields.every(({ kind }) => kind === 'field')
    ? fields.map(({ text }) => text.slice(1))
    : undefined;
}

function argumentOf(tokens: readonly Token[]): string | number | undefined {
  const [token, ...more] = tokens;
  if (token === undefined || more.length > 0) return undefined;
  if (token.kind === 'number' && /^(?:0|[1-9]\d{0,8})$/.test(token.text)) return Number(token.text);
  return token.kind === 'string' && /^"[^"\\]*"$/.test(token.text) ? token.text.slice(1, -1) : undefined;
}

/**
 * Fills in parameters as text/template does (`exec.go`, `evalField`, `printValue`).
 *
 * @param isStrict `missingkey=error`: a parameter that is not there is a mistake; otherwise it is printed as `<no value>`
 * @returns undefined where the value is a map or a list: how Go prints those is left to Go
 * @throws TemplateMistake
 */
export function fillFields(
  { parts }: FieldTemplate,
  params: Readonly<Record<string, unknown>>,
  isStrict: boolean,
  template: string,
): string | undefined {
  let filled = '';
  for (const part of parts) {
    const text = typeof part === 'string' ? part : printed(parameterAt(part, params, isStrict, template));
    if (text === undefined) return undefined;
    filled += text;
  }
  return filled;
}

/** What is not there, which Go tells from null. */
const MISSING = Symbol('missing');

function parameterAt(
  { fields, index }: FieldReference,
  params: Readonly<Record<string, unknown>>,
  isStrict: boolean,
  template: string,
): unknown {
  let value: unknown = params;
  for (const [depth, field] of fields.entries()) {
    if (value === MISSING) return MISSING;
    const name = `.${fields.slice(0, depth + 1).join('.')}`;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new TemplateMistake(template, `${name} cannot be read: what stands before it is no map`);
    }
    value = Object.hasOwn(value, field) ? (value as Record<string, unknown>)[field] : MISSING;
    if (value === MISSING && isStrict) {
      throw new TemplateMistake(template, `there is no parameter ${name}`);
    }
  }
  for (const step of index) {
    if (Array.isArray(value) && typeof step === 'number') {
      if (step >= value.length) {
        throw new TemplateMistake(
          template,
          `.${fields.join('.')} has no item ${step}: it has ${value.length}`,
        );
      }
      value = value[step];
    } else if (
      typeof value === 'object' &&
      value !== null &&
      !Array.isArray(value) &&
      typeof step === 'string'
    ) {
      // `index` of a map is nothing for a key that is missing, with missingkey=error too.
      value = Object.hasOwn(value, step) ? (value as Record<string, unknown>)[step] : MISSING;
    } else {
      throw new TemplateMistake(template, `index ${JSON.stringify(step)} does not fit .${fields.join('.')}`);
    }
  }
  return value;
}

function printed(value: unknown): string | undefined {
  if (value === MISSING || value === null || value === undefined) return '<no value>';
  switch (typeof value) {
    case 'string':
      return value;
    case 'number':
      return goNumber(value);
    case 'boolean':
      return String(value);
    default:
      return undefined;
  }
}
