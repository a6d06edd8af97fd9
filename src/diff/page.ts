import { formatPlace } from '../report/failure.ts';
import { capacityRows, containersWithoutRequests } from './capacity-words.ts';
import { changeLines, fateText, HIDDEN_DIFFERS, HOW, titleOf } from './change-words.ts';
import type { Block, RankedChange } from './collapse.ts';
import { headline } from './comment.ts';
import { noiseNames, restartsPods } from './noise.ts';
import {
  affectedText,
  blockWords,
  type DiffReport,
  listed,
  placesText,
  plural,
  riskSummaries,
} from './report.ts';
import { RISKS } from './risk.ts';

/**
 * The whole report as one HTML page that needs nothing else: no script, no font, no request. It also forbids them, so that what
 * people wrote could do nothing even if it were not escaped.
 */
export function diffPage(report: DiffReport): string {
  const title = headline(report);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escaped(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${escaped(title)}</h1>
<p>${escaped(affectedText(report))}</p>
${notRendered(report)}${notLookedAt(report)}${advice(report)}${capacity(report)}${report.blocks.map(blockHtml).join('\n')}
<footer>From <code>${escaped(report.base)}</code> to <code>${escaped(report.head)}</code>, as Argo CD would apply it. Values of Secrets, and what looks like a credential, are never shown.</footer>
</main>
</body>
</html>
`;
}

/** An object in the page: a definition of a kind has thousands of lines, and a browser takes that many; not millions. */
const DETAIL = { lines: 5_000, newObjects: true };

/** Text in HTML, also inside an attribute. */
const escaped = (text: string): string =>
  text.replaceAll(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is taken out
    /[&<>"'`\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/g,
    (sign) => ENTITIES[sign] ?? '\ufffd',
  );

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '`': '&#96;',
};

function notRendered({ notRendered: failures }: DiffReport): string {
  if (failures.length === 0) return '';
  const items = failures.map(({ application, side, at, message, todo }) => {
    const where = at === undefined ? '' : `<code>${escaped(formatPlace(at))}</code>: `;
    const version = side === 'before' ? ' (as it is now, before this pull request)' : '';
    return `<li><b>${escaped(application)}</b>${version}: ${where}${escaped(message)}${todo === undefined ? '' : ` <i>${escaped(todo)}</i>`}</li>`;
  });
  return `<section class="high"><h2>Not rendered</h2><p>What these applications would change is not known. Mend them first.</p><ul>${items.join('')}</ul></section>\n`;
}

function notLookedAt({ notLookedAt: standing }: DiffReport): string {
  if (standing.length === 0) return '';
  const items = standing.map(
    ({ application, message }) => `<li><b>${escaped(application)}</b>: ${escaped(message)}</li>`,
  );
  return `<section><h2>Not looked at</h2><p>Only Argo CD can know what these make, and no changed file is their own.</p><ul>${items.join('')}</ul></section>\n`;
}

function advice(report: DiffReport): string {
  const risks = riskSummaries(report);
  if (risks.length === 0) return '';
  const items = risks.map(({ code, level, where }) => {
    const { title, meaning, check } = RISKS[code];
    const places = where.map(
      ({ block, object, what }) =>
        `<li>${object === '' ? '' : `<code>${escaped(object)}</code> of `}${escaped(placesText(block))}${what === '' ? '' : `: ${escaped(what)}`}</li>`,
    );
    const open = level === 'low' ? '' : ' open';
    return `<details class="risk ${level}"${open}><summary><b>${escaped(title)}</b> <span class="count">${where.length}</span></summary><p>${escaped(meaning)} <i>${escaped(check)}</i></p><ul>${places.join('')}</ul></details>`;
  });
  return `<section><h2>Before you merge</h2>${items.join('\n')}</section>\n`;
}

function capacity({ capacity: clusters }: DiffReport): string {
  const rows = capacityRows(clusters);
  if (rows.length === 0) return '';
  const unknown = containersWithoutRequests(clusters);
  const note = unknown === 0 ? '' : ` ${plural(unknown, 'container')} without requests not counted.`;
  const body = rows.map(
    (row) =>
      `<tr><td>${escaped(listed(row.clusters, 12))}${row.clusters.length > 1 ? ', each' : ''}</td><td>${row.what}</td><td>${escaped(row.cpu)}</td><td>${escaped(row.memory)}</td></tr>`,
  );
  return `<section><h2>Capacity</h2><p>What the affected applications reserve: requests × replicas, a range where they scale by themselves.${note}</p><table><thead><tr><th>cluster</th><th>of</th><th>CPU</th><th>memory</th></tr></thead><tbody>${body.join('')}</tbody></table></section>\n`;
}

function blockHtml(block: Block): string {
  const apps =
    block.places.length < 2
      ? ''
      : `<details><summary>All ${block.places.length} apps</summary><p>${escaped(block.places.map(({ app }) => app).join(', '))}</p></details>`;
  const noise =
    block.noise.length === 0
      ? ''
      : `<details><summary>In ${plural(block.noise.length, 'object')} only what follows a version changed (${escaped(noiseNames(block.noise).join(', '))})</summary><ul>${block.noise
          .map(
            (change) =>
              `<li>${escaped(`${titleOf(change).kind}/${titleOf(change).name}`)}${restartsPods(change) ? ' · pods restart' : ''}</li>`,
          )
          .join('')}</ul></details>`;
  const words = blockWords(block);
  return `<section><h2>${escaped(placesText(block))}${words === '' ? '' : ` — ${words}`}</h2>${apps}${block.changes.map(changeHtml).join('\n')}${noise}</section>`;
}

function changeHtml({ change, risks, isHiddenDifferent }: RankedChange): string {
  const { kind, name, namespace, was } = titleOf(change);
  const { lines, more } = changeLines(change, DETAIL);
  const fate = fateText(change);
  const [worst] = risks;
  const level = worst === undefined ? 'none' : RISKS[worst.code].level;
  const tags = risks.map(
    ({ code }) => `<span class="tag ${RISKS[code].level}">${escaped(RISKS[code].title)}</span>`,
  );
  const where = namespace === undefined ? '' : ` <span class="dim">in ${escaped(namespace)}</span>`;
  const renamed = was === undefined ? '' : ` <span class="dim">(was ${escaped(was)})</span>`;
  const restart = restartsPods(change) ? ' <span class="dim">pods restart</span>' : '';
  const body = lines
    .map((line) => `<span class="${line.kind}">${escaped(line.text) || ' '}</span>`)
    .join('\n');
  const rest = more === 0 ? '' : `<p>${plural(more, 'more line')} left out.</p>`;
  const content =
    lines.length === 0
      ? `<p>${fate !== '' ? escaped(`It ${fate}.`) : change.how === 'removed' ? 'Deleted.' : 'Only its name changes.'}</p>`
      : `<pre>${body}</pre>${rest}${isHiddenDifferent ? `<p>${HIDDEN_DIFFERS}</p>` : ''}`;
  return `<details class="change ${level}"${level === 'high' ? ' open' : ''}><summary><span class="how">${fate === '' ? HOW[change.how].word : 'let go'}</span> <b>${escaped(kind)}</b> ${escaped(name)}${where}${renamed} ${tags.join(' ')}${restart}</summary>${content}</details>`;
}

const STYLE = `
:root{--ink:#1f2328;--dim:#59636e;--back:#fff;--card:#f6f8fa;--line:#d1d9e0;--add:#dafbe1;--del:#ffebe9;--high:#cf222e;--medium:#bc4c00;--low:#0969da}
@media (prefers-color-scheme:dark){:root{--ink:#f0f6fc;--dim:#9198a1;--back:#0d1117;--card:#151b23;--line:#3d444d;--add:#12361f;--del:#4a1b1d;--high:#ff7b72;--medium:#f0883e;--low:#58a6ff}}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:70rem;margin:0 auto;padding:1.5rem}
h1{font-size:1.6rem;margin:.2rem 0}h2{font-size:1.1rem;margin:1.6rem 0 .5rem;overflow-wrap:anywhere}
details{border:1px solid var(--line);border-left:4px solid var(--line);border-radius:6px;margin:.4rem 0;background:var(--card)}
details.high,section.high{border-left-color:var(--high)}details.medium{border-left-color:var(--medium)}details.low{border-left-color:var(--low)}
section.high{border-left:4px solid var(--high);padding-left:1rem}
summary{cursor:pointer;padding:.4rem .7rem;overflow-wrap:anywhere}
details>p,details>ul{margin:.3rem 1rem .6rem;overflow-wrap:anywhere}
pre{margin:0;padding:.5rem 0;overflow-x:auto;background:var(--back);border-top:1px solid var(--line);font:13px/1.45 ui-monospace,monospace}
pre span{display:inline-block;min-width:100%;padding:0 .8rem;white-space:pre}
.added{background:var(--add)}.removed{background:var(--del)}.added::before{content:"+ "}.removed::before{content:"- "}.same::before{content:"  "}
.place{color:var(--dim);font-weight:600;padding-top:.3rem}
.dim,footer{color:var(--dim)}.how{font-weight:600}.count{color:var(--dim)}
.tag{font-size:.8em;border:1px solid;border-radius:1em;padding:0 .5em;white-space:nowrap}
.tag.high{color:var(--high)}.tag.medium{color:var(--medium)}.tag.low{color:var(--low)}
table{border-collapse:collapse}td,th{border:1px solid var(--line);padding:.25rem .7rem;text-align:left}
code{font:0.9em ui-monospace,monospace;overflow-wrap:anywhere}
footer{margin-top:2rem;font-size:.85rem}
`;
