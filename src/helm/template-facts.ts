/** What stands between `{{` and `}}` in a template. */
export interface TemplateAction {
  /** Without its strings, which are left as `""`. */
  readonly code: string;
  /** The strings' texts, as they are written. */
  readonly strings: readonly string[];
}

/**
 * The actions of a Go template, without comments, parted as Go's text/template/parse/lex.go does it.
 *
 * @returns undefined for what that reader refuses, like a string that does not end
 */
export function templateActions(template: string): TemplateAction[] | undefined {
  const actions: TemplateAction[] = [];
  let at = template.indexOf('{{');
  while (at >= 0) {
    const comment = /\{\{(?:-[ \t\r\n])?\/\*[\s\S]*?\*\/(?:[ \t\r\n]-)?\}\}/y;
    comment.lastIndex = at;
    if (comment.test(template)) {
      at = template.indexOf('{{', comment.lastIndex);
      continue;
    }
    const action = /\{\{((?:"(?:[^"\\\n]|\\[^\n])*"|`[^`]*`|'(?:[^'\\\n]|\\[^\n])*'|(?!\}\})[^"'`])*)\}\}/y;
    action.lastIndex = at;
    const inside = action.exec(template)?.[1];
    if (inside === undefined || /^(?:-[ \t\r\n])?\/\*/.test(inside)) {
      return undefined;
    }
    const strings: string[] = [];
    const code = inside.replaceAll(/"(?:[^"\\]|\\.)*"|`[^`]*`|'(?:[^'\\]|\\.)*'/g, (text) => {
      strings.push(text.slice(1, -1));
      return '""';
    });
    actions.push({ code, strings });
    at = template.indexOf('{{', action.lastIndex);
  }
  return actions;
}

/**
 * Functions whose answer depends on more than what they are given: the time, chance, a cluster, the chart as the engine
 * knows it. `tpl` renders values as a template, which can ask for anything.
 */
const UNSTEADY =
  /(?<![.$\w])(?:lookup|tpl|getHostByName|now|ago|date\w*|htmlDate\w*|rand\w*|shuffle|uuidv4|gen[A-Z]\w*|bcrypt|htpasswd|derivePassword|encryptAES|env|expandenv)\b/;

/** What a template may ask of the chart around it: that which is the same, told again, where many are rendered together. */
const KNOWN_FACTS =
  /\b(?:Release\.(?:Name|Namespace|Service|IsInstall|IsUpgrade|Revision)|Chart\.(?:Name|Version|AppVersion)|Template\.(?:Name|BasePath)|Values\.[a-zA-Z_]\w*)\b/g;

/**
 * Why a template must be rendered alone: the word that says so; undefined when it is the same among others.
 *
 * Read are the words of its actions. A word that somebody puts together at run time escapes this; so what such a word could
 * name is told truly in a batch as well (umbrella.ts), and each batch is compared with one release that is rendered alone.
 */
export function wordForAlone(actions: readonly TemplateAction[]): string | undefined {
  for (const { code, strings } of actions) {
    const rest = code.replaceAll(KNOWN_FACTS, '');
    const word =
      UNSTEADY.exec(code) ??
      /\b(?:Release|Chart|Template|Values|Files|Subcharts|IsRoot)\b/.exec(rest) ??
      /\b(?:Files|Subcharts|IsRoot)\b/.exec(strings.join(' '));
    if (word !== null) {
      return word[0];
    }
  }
  return undefined;
}

/** Whether a template declares named ones (`define`, `block`), whose names are shared by all of a chart. */
export const declaresTemplates = (actions: readonly TemplateAction[]): boolean =>
  actions.some(({ code }) => /^-?\s*(?:define|block)\b/.test(code));

/** The names that it declares. */
export const declaredNames = (actions: readonly TemplateAction[]): string[] =>
  actions.filter((action) => declaresTemplates([action])).map(({ strings }) => strings[0] ?? '');
