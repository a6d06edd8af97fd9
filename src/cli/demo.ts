import { tmpdir } from 'node:os';
import { Command } from 'commander';
import type { ArgoCdKind } from '../demo/argocd.ts';
import type { Stage } from '../demo/narrator.ts';
import { systemTiming } from '../github/timing.ts';
import { couldNot } from '../report/failure.ts';
import { openSuite } from '../repository/suite.ts';
import { type CommonOptions, runCommand } from './run-command.ts';

interface DemoOptions extends CommonOptions {
  readonly keep?: boolean;
  readonly argocd?: boolean;
}

/**
 * `kajitori demo`.
 *
 * @param realArgoCd what `--argocd` tells the story with; undefined where there is none: it takes programs that only a
 * clone of Kajitori builds (scripts/demo-argocd.ts)
 */
export function demoCommand(realArgoCd?: ArgoCdKind): Command {
  return new Command('demo')
    .description(
      'Show the road from a merged commit to every cluster, and back, on this machine, in under a minute.',
    )
    .option('--keep', 'leave the folder with the repositories to look at')
    .option('--argocd', 'with a real Argo CD on real API servers; only in a clone of Kajitori')
    .option('--json', 'print what was shown as JSON, for machines')
    .addHelpText(
      'after',
      `
It needs git, helm and crane on PATH; in a clone of Kajitori \`npm run demo\` brings them. No cluster, no account, no
Docker. Nothing leaves this machine, and nothing is written outside of a temporary folder.

Examples:
  kajitori demo
  Look at the commits afterwards:
    kajitori demo --keep
  In a clone of Kajitori, with a real Argo CD (2 GB of memory, 2 minutes; the first time some more to build it):
    npm run demo -- --argocd`,
    )
    .action((options: DemoOptions) => runCommand(options, () => demo(options, realArgoCd)));
}

async function demo(options: DemoOptions, realArgoCd: ArgoCdKind | undefined) {
  if (options.argocd === true && realArgoCd === undefined) {
    throw couldNot(
      'The real Argo CD is not here: it is built in a clone of Kajitori, and no package has it.',
      {
        todo: 'In a clone run `npm run demo -- --argocd`; or leave --argocd out, and see the story with a stand-in.',
        reason: 'no-real-argocd',
      },
    );
  }
  // Only here: the demo brings the stand-ins along, which no other command should load.
  const { runDemo } = await import('../demo/demo.ts');
  const { STANDIN_ARGOCD } = await import('../demo/standin-argocd.ts');
  const stopped = new AbortController();
  // Stays on: execa ends the process itself when nobody else listens, and the folder would be left behind.
  process.on('SIGINT', () => {
    if (stopped.signal.aborted) {
      process.exit(2);
    }
    process.stderr.write('\nStopping after this chapter, and cleaning up (Ctrl-C again: at once) …\n');
    stopped.abort(couldNot('Stopped before the end of the demo.', { reason: 'stopped' }));
  });
  const outputs = await runDemo(
    { keep: options.keep ?? false },
    {
      stage: options.json === true ? SILENT : terminal(process.stdout),
      temporary: tmpdir(),
      suite: await openSuite(),
      timing: systemTiming,
      argocd: (options.argocd === true ? realArgoCd : undefined) ?? STANDIN_ARGOCD,
      signal: stopped.signal,
    },
  );
  return { text: '', json: outputs };
}

const now = () => performance.now();

const SILENT: Stage = { write: () => {}, width: 80, colours: false, now };

/** Long lines are hard to read, and a log has no width. */
const WIDTH = 96;
const NARROWEST = 40;

function terminal(stream: NodeJS.WriteStream): Stage {
  const isTerminal = stream.isTTY === true;
  // Some terminals say that they have no columns.
  const columns = stream.columns || WIDTH;
  let shown = 0;
  const live = (lines: readonly string[]) => {
    if (shown === 0 && lines.length === 0) {
      return;
    }
    // Cursor up to the first of them, then erase to the end of the screen (ECMA-48: CPL, ED).
    const back = shown === 0 ? '' : `\u001b[${shown}F\u001b[J`;
    // A line that the terminal breaks would be two.
    stream.write(`${back}${lines.map((line) => `${line.slice(0, columns - 1)}\n`).join('')}`);
    shown = lines.length;
  };
  return {
    write: (text) => stream.write(`${text}\n`),
    width: Math.max(NARROWEST, Math.min(WIDTH, columns)),
    // hasColors respects NO_COLOR and TERM=dumb.
    colours: isTerminal && stream.hasColors(),
    live: isTerminal ? live : undefined,
    now,
  };
}
