import { blobsOf } from '../repository/cat-file.ts';

/** One file at one commit, as `git cat-file --batch` is asked for it. */
interface Asked {
  readonly name: string;
  readonly answer: (text: string | undefined) => void;
  readonly fail: (error: unknown) => void;
}

/** Some values files are large, and all that one git says is held at once. */
const AT_ONCE = 100;

/**
 * Reads files of a repository at many commits. What is asked for at the same moment is read by one git: the release of an app
 * is read at each commit that changed it, and a process for each took minutes for a thousand deploys.
 *
 * @param catFile runs `git cat-file --batch` with this input, and gives its output
 * @returns the text of a file, its checked path (`repositoryPath`: no line breaks) relative to the folder of that git; undefined
 *   where it is no file there
 */
export function gitFiles(
  catFile: (input: string) => Promise<Uint8Array>,
): (commit: string, file: string) => Promise<string | undefined> {
  let waiting: Asked[] = [];
  const readAll = async () => {
    const asked = waiting;
    waiting = [];
    for (let first = 0; first < asked.length; first += AT_ONCE) {
      const some = asked.slice(first, first + AT_ONCE);
      try {
        const blobs = blobsOf(await catFile(some.map(({ name }) => `${name}\n`).join('')));
        for (const [index, { answer }] of some.entries()) answer(textOf(blobs[index]));
      } catch (error) {
        for (const { fail } of some) fail(error);
      }
    }
  };
  return (commit, file) => {
    const text = new Promise<string | undefined>((answer, fail) => {
      waiting.push({ name: `${commit}:./${file}`, answer, fail });
    });
    if (waiting.length === 1) setImmediate(() => void readAll());
    return text;
  };
}

const textOf = (blob: Uint8Array | undefined): string | undefined =>
  blob === undefined ? undefined : Buffer.from(blob).toString();
