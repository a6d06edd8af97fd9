import { TemplateMistake } from './fast-template.ts';
import { type Token, tokenize } from './go-template-tokens.ts';

/** Functions that helm has and Argo CD's ApplicationSet controller has not (applicationset/utils, `sprigFuncMap`). */
const HELM_ONLY = new Set([
  'include',
  'tpl',
  'required',
  'lookup',
  'toToml',
  'mustToToml',
  'fromToml',
  'mustToYaml',
  'toYamlPretty',
  'fromJsonArray',
  'toDuration',
  'mustToDuration',
  'env',
  'expandenv',
  'getHostByName',
]);

/** Templates that stand for the functions of Argo CD that helm has not. */
export const ARGOCD_FUNCTIONS = `
{{- define "kajitori.normalize" -}}
{{- regexReplaceAll "[^-a-z0-9.]" (lower .) "-" | trunc 253 | trimAll "-." -}}
{{- end -}}
{{- define "kajitori.slugify" -}}
{{- $size := 50 }}{{ $smart := true }}{{ $name := "" -}}
{{- if . }}{{ $name = last . }}{{ end -}}
{{- if gt (len .) 1 }}{{ $size = index . 0 }}{{ end -}}
{{- if gt (len .) 2 }}{{ $smart = index . 1 }}{{ end -}}
{{- $slug := include "kajitori.normalize" $name -}}
{{- if and (not $smart) (ge (len $slug) $size) }}{{ $slug = trunc $size $slug }}{{ end -}}
{{- $slug = regexReplaceAll "-+" (regexReplaceAll "[^a-z0-9_-]" $slug "-") "-" | trimAll "-_" -}}
{{- if and $smart (gt $size 0) (gt (len $slug) $size) -}}
{{- $cut := trunc (int (add1 $size)) $slug -}}
{{- if contains "-" $cut }}{{ $slug = regexReplaceAll "-[^-]*$" $cut "" }}{{ else }}{{ $slug = trunc $size $slug }}{{ end -}}
{{- end -}}
{{- $slug -}}
{{- end -}}
`;

/**
 * A template of an ApplicationSet as a template that helm evaluates to the same text. Only names and field references are
 * rewritten, token by token:
 *
 * - `normalize` and `slugify` become templates that do what Argo CD does (applicationset/utils, `SanitizeName`, `SlugifyName`);
 * - `fromJson`, which helm narrows to maps, becomes `mustFromJson`;
 * - with `missingkey=error`, which `helm template` cannot be told, `.a.b` becomes
 *   `(index (pluck "b" (index (pluck "a" .) 0)) 0)`: an error where a key is missing, else the value as it is;
 * - without it, it becomes `(index (default dict .a) "b")`: with helm's own `missingkey=zero`, which Argo CD does not set, what
 *   is below a missing key would be an error;
 * - names in `define`, `block` and `template` get a prefix, since all templates of a chart share them.
 *
 * @throws TemplateMistake, also for functions that Argo CD does not have
 */
export function templateForHelm(template: string, isStrict: boolean, prefix: string): string {
  return tokenize(template)
    .map((piece) => {
      if (piece.kind === 'text') return piece.text;
      // A comment: white space around it goes as it is written.
      const inside = piece.tokens.length === 0 ? '/* */' : rewrite(piece.tokens, template, isStrict, prefix);
      return `{{${piece.trimsBefore ? '- ' : ''}${inside}${piece.trimsAfter ? ' -' : ''}}}`;
    })
    .join('');
}

function rewrite(tokens: readonly Token[], template: string, isStrict: boolean, prefix: string): string {
  const out: string[] = [];
  /** Where each open parenthesis stands in `out`, and whether `slugify` is called at this depth. */
  const open: { readonly at: number; slugify: boolean }[] = [{ at: 0, slugify: false }];
  let namesTemplate = false;
  /** Where the parenthesis that was closed last begins in `out`. */
  let closedAt = 0;
  const endCommand = (): void => {
    const level = open.at(-1);
    if (level?.slugify === true) {
      out.push(' | include "kajitori.slugify" ');
      level.slugify = false;
    }
  };
  for (let at = 0; at < tokens.length; at += 1) {
    const token = tokens[at] as Token;
    switch (token.kind) {
      case 'field': {
        const fields = [];
        for (; tokens[at]?.kind === 'field'; at += 1) fields.push(tokens[at]?.text.slice(1) ?? '');
        at -= 1;
        const before = tokens[at - fields.length];
        // `$x.a` and `(f).a` are read from what stands before; else from the dot.
        const baseAt =
          before?.kind === 'variable' ? out.length - 1 : before?.text === ')' ? closedAt : out.length;
        const base = out.splice(baseAt).join('');
        out.push(isStrict ? strictChain(base === '' ? '.' : base, fields) : lenientChain(base, fields));
        break;
      }
      case 'word':
        out.push(wordForHelm(token.text, template));
        namesTemplate = ['define', 'block', 'template'].includes(token.text);
        if (token.text === 'slugify') (open.at(-1) as { slugify: boolean }).slugify = true;
        break;
      case 'string':
        out.push(namesTemplate ? `${token.text[0]}${prefix}${token.text.slice(1)}` : token.text);
        namesTemplate = false;
        break;
      case 'mark':
        if (token.text === '(') open.push({ at: out.length, slugify: false });
        if (token.text === ')' || token.text === '|') endCommand();
        out.push(token.text);
        if (token.text === ')') closedAt = open.pop()?.at ?? 0;
        break;
      default:
        out.push(token.text);
    }
  }
  endCommand();
  return out.join('');
}

const strictChain = (base: string, fields: readonly string[]): string =>
  fields.reduce((value, field) => `(index (pluck ${JSON.stringify(field)} ${value}) 0)`, base);

/** The first field as it is, so that the dot may be anything. */
const lenientChain = (base: string, [first, ...more]: readonly string[]): string =>
  more.reduce(
    (value, field) => `(index (default dict ${value}) ${JSON.stringify(field)})`,
    `${base}.${first}`,
  );

function wordForHelm(word: string, template: string): string {
  if (HELM_ONLY.has(word)) throw new TemplateMistake(template, `Argo CD has no function "${word}"`);
  switch (word) {
    case 'normalize':
      return 'include "kajitori.normalize"';
    case 'slugify':
      return 'list';
    case 'fromJson':
      return 'mustFromJson';
    default:
      return word;
  }
}
