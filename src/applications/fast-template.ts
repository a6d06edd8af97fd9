/**
 * What an ApplicationSet without `goTemplate` does with a string: `{{name}}` is the parameter of that name; what is no
 * parameter, or no text, stays as it is written. As github.com/valyala/fasttemplate between `{{` and `}}`, and as
 * argo-cd's applicationset/utils `Replace`, which leaves a string alone in which no line holds both.
 *
 * @throws TemplateMistake for a `{{` that is not closed
 */
export function fillFastTemplate(template: string, params: Readonly<Record<string, unknown>>): string {
  if (!/\{\{.*\}\}/.test(template)) return template;
  let filled = '';
  let rest = template;
  for (;;) {
    const start = rest.indexOf('{{');
    if (start < 0) return filled + rest;
    const end = rest.indexOf('}}', start + 2);
    if (end < 0) throw new TemplateMistake(template, 'a {{ is not closed by }}');
    const tag = rest.slice(start + 2, end);
    const value = tag.trim() === '' ? undefined : params[tag.trim()];
    filled += rest.slice(0, start) + (typeof value === 'string' ? value : `{{${tag}}}`);
    rest = rest.slice(end + 2);
  }
}

/** A template that cannot be filled. Where it stands is known to whoever read it from a file. */
export class TemplateMistake extends Error {
  override readonly name = 'TemplateMistake';
  readonly template: string;

  constructor(template: string, message: string) {
    super(message);
    this.template = template;
  }
}
