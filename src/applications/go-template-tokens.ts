import { TemplateMistake } from './fast-template.ts';

/** A piece of a Go template: text, or what stands between `{{` and `}}`. */
export type TemplatePiece =
  | { readonly kind: 'text'; readonly text: string }
  | {
      readonly kind: 'action';
      readonly tokens: readonly Token[];
      /** `{{-`: white space before it goes. */
      readonly trimsBefore: boolean;
      /** `-}}` */
      readonly trimsAfter: boolean;
    };

export interface Token {
  readonly kind: 'space' | 'string' | 'number' | 'field' | 'variable' | 'word' | 'mark';
  readonly text: string;
}

const TOKEN =
  /(?<space>\s+)|(?<string>"(?:\\.|[^"\\\n])*"|`[^`]*`|'(?:\\.|[^'\\\n])+')|(?<number>[+-]?(?:\d|\.\d)[\w.]*(?:(?<=[eE])[+-]\d+)?)|(?<field>\.[\p{L}_][\p{L}\p{Nd}_]*)|(?<variable>\$[\p{L}\p{Nd}_]*)|(?<word>[\p{L}_][\p{L}\p{Nd}_]*)|(?<mark>:=|[|(),=.])/uy;

/**
 * Takes a Go template apart (text/template/parse, `lex.go`), without understanding it. Comments are left out.
 *
 * @throws TemplateMistake for what Go could not take apart either
 */
export function tokenize(template: string): TemplatePiece[] {
  const pieces: TemplatePiece[] = [];
  let at = 0;
  for (;;) {
    const start = template.indexOf('{{', at);
    if (start < 0) {
      pieces.push({ kind: 'text', text: template.slice(at) });
      return pieces;
    }
    pieces.push({ kind: 'text', text: template.slice(at, start) });
    const trimsBefore = /^-\s/.test(template.slice(start + 2, start + 4));
    const inside = start + (trimsBefore ? 3 : 2);
    const comment = /^\s*\/\*[\s\S]*?\*\/(\s-)?\s*\}\}/.exec(template.slice(inside));
    if (comment !== null) {
      pieces.push({ kind: 'action', tokens: [], trimsBefore, trimsAfter: comment[1] !== undefined });
      at = inside + comment[0].length;
      continue;
    }
    const action = readAction(template, inside);
    pieces.push({ kind: 'action', tokens: action.tokens, trimsBefore, trimsAfter: action.trimsAfter });
    at = action.end;
  }
}

function readAction(template: string, start: number) {
  const tokens: Token[] = [];
  let at = start;
  while (at < template.length) {
    if (template.startsWith('}}', at)) return { tokens, trimsAfter: false, end: at + 2 };
    if (/\s/.test(template[at - 1] ?? '') && template.startsWith('-}}', at)) {
      return { tokens, trimsAfter: true, end: at + 3 };
    }
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(template);
    const kind = Object.entries(match?.groups ?? {}).find(([, text]) => text !== undefined)?.[0];
    if (match === null || kind === undefined) {
      throw new TemplateMistake(
        template,
        `this is no Go template: unexpected ${JSON.stringify(template[at])}`,
      );
    }
    tokens.push({ kind: kind as Token['kind'], text: match[0] });
    at += match[0].length;
  }
  throw new TemplateMistake(template, 'this is no Go template: a {{ is not closed by }}');
}
