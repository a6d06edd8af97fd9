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
        const texts = textsIn(await catFile(some.map(({ name }) => `${name}\n`).join('')));
        for (const [index, { answer }] of some.entries()) answer(texts[index]);
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

/** The objects in the order of the input: `<oid> <type> <size>`, then the bytes; or `<name> missing` (git-cat-file, "BATCH OUTPUT"). */
function textsIn(output: Uint8Array): readonly (string | undefined)[] {
  const bytes = Buffer.from(output.buffer, output.byteOffset, output.byteLength);
  const texts: (string | undefined)[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf('\n', at);
    const [, type, size] = /^[0-9a-f]{40,64} (\w+) (\d+)$/.exec(bytes.toString('utf8', at, end)) ?? [];
    at = end + 1;
    if (size === undefined) {
      texts.push(undefined);
      continue;
    }
    texts.push(type === 'blob' ? bytes.toString('utf8', at, at + Number(size)) : undefined);
    at += Number(size) + 1;
  }
  return texts;
}
