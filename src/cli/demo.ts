import { tmpdir } from 'node:os';
import { Command } from 'commander';
import type { Stage } from '../demo/narrator.ts';
import { systemTiming } from '../github/timing.ts';
import { couldNot } from '../report/failure.ts';
import { openSuite } from '../repository/suite.ts';
import { type CommonOptions, runCommand } from './run-command.ts';

interface DemoOptions extends CommonOptions {
  readonly keep?: boolean;
}

/** `kajitori demo`. */
export function demoCommand(): Command {
  return new Command('demo')
    .description('Show the road from a merged commit to every cluster, on this machine, in under a minute.')
    .option('--keep', 'leave the folder with the repositories to look at')
    .option('--json', 'print what was shown as JSON, for machines')
    .addHelpText(
      'after',
      `
It needs git, helm and crane on PATH; in a clone of Kajitori \`npm run demo\` brings them. No cluster, no account, no
Docker. Nothing leaves this machine, and nothing is written outside of a temporary folder.

Examples:
  kajitori demo
  Look at the commits afterwards:
    kajitori demo --keep`,
    )
    .action((options: DemoOptions) => runCommand(options, () => demo(options)));
}

async function demo(options: DemoOptions) {
  // Only here: the demo brings GitHub's stand-in along, which no other command should load.
  const { runDemo } = await import('../demo/demo.ts');
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
  let shown = false;
  const progress = (what: string | undefined) => {
    if (shown || what !== undefined) {
      stream.write(`\r\u001b[K${what ?? ''}`);
    }
    shown = what !== undefined;
  };
  return {
    write: (text) => stream.write(`${text}\n`),
    // Some terminals say that they have no columns.
    width: Math.max(NARROWEST, Math.min(WIDTH, stream.columns || WIDTH)),
    // hasColors respects NO_COLOR and TERM=dumb.
    colours: isTerminal && stream.hasColors(),
    progress: isTerminal ? progress : undefined,
    now,
  };
}
