/** What was waited for, as the command line names it. */
interface AwaitedOptions {
  readonly repository: string;
  readonly branch?: string;
  readonly app?: string;
  readonly environment?: string;
}

/** A shell's exit code of a command that a signal ended: 128 and the signal's number (POSIX, "Exit Status for Commands"). */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

type EndSignal = keyof typeof EXIT_CODES;

/**
 * While it is not disposed of, Ctrl-C and SIGTERM end the process with words: who ends the waiting may think that this ends the deploy.
 * A write that is under way is not waited for; waiting again finds out what became of it.
 *
 * @param parameters of the command line, without Node and the script
 */
export function tellWhenEnded(
  awaited: AwaitedOptions,
  parameters: readonly string[],
  { write, end }: { readonly write: (text: string) => void; readonly end: (exitCode: number) => void },
): Disposable {
  const onSignal = (signal: EndSignal): void => {
    write(endedWords(awaited, parameters));
    end(EXIT_CODES[signal]);
  };
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.on(signal, onSignal);
  return {
    [Symbol.dispose]: () => {
      for (const signal of signals) process.off(signal, onSignal);
    },
  };
}

function endedWords(
  { repository, branch, app, environment }: AwaitedOptions,
  parameters: readonly string[],
): string {
  const back =
    environment === undefined
      ? ''
      : `, or undo it: ${commandLine([
          'rollback',
          ...(app?.split(',') ?? ['<app>']),
          '--environment',
          environment,
          '--repository',
          repository,
          ...(branch === undefined ? [] : ['--branch', branch]),
        ])}`;
  return [
    'Waiting was ended. The deploy itself goes on in Argo CD; should it fail, nothing is put back from here.',
    `  → Wait on: ${commandLine(parameters)}${back}`,
    '',
  ].join('\n');
}

const commandLine = (words: readonly string[]): string => ['kajitori', ...words].map(shellWord).join(' ');

/** A word as a POSIX shell reads it; `<app>` is for people to fill in. */
const shellWord = (word: string): string =>
  word === '<app>' || /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
