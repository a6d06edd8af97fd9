/** What a Dockerfile begins with or copies from, beside its own stages and contexts. */
export interface BaseImages {
  /** References as they are pulled, variables filled in. */
  readonly images: readonly string[];
  /** Sentences: why it cannot be said what the build uses. Its content must not be remembered then. */
  readonly unclear: readonly string[];
}

/** Characters; nobody writes a longer one. */
const LONGEST = 1024 * 1024;

/**
 * Reads the images of a Dockerfile ("Dockerfile reference": syntax, FROM, COPY --from, RUN --mount=from). Where it is not sure, it
 * says so instead of guessing: the worst that follows is a build that was not needed.
 *
 * @param args the build's arguments
 * @param contexts names of the build's further contexts, which stand for images of that name
 */
export function baseImages(
  text: string,
  args: Readonly<Record<string, string>>,
  contexts: readonly string[],
): BaseImages {
  const unclear: string[] = [];
  if (text.length > LONGEST) return { images: [], unclear: ['the Dockerfile is larger than 1 MB'] };
  const directives = parserDirectives(text);
  if (directives.has('escape')) return { images: [], unclear: ['the Dockerfile has an escape directive'] };
  const own = new Set(contexts);
  const found = new Set<string>();
  // What reads the Dockerfile is an image too, and a newer one may make something else of it.
  const frontend = args.BUILDKIT_SYNTAX ?? directives.get('syntax');
  if (frontend !== undefined) {
    const [image = ''] = frontend.split(/\s/);
    if (/["'$\s]/.test(image) || image === '') unclear.push('the Dockerfile has a strange syntax directive');
    else found.add(image);
  }
  const globals = new Map<string, string>();
  let inStage = false;
  const take = (written: string): void => {
    const name = fill(written, globals);
    if (name === undefined) unclear.push(`${written} has a variable without a value`);
    else if (name !== 'scratch' && !own.has(name.toLowerCase()) && !/^\d+$/.test(name)) found.add(name);
  };
  for (const line of instructions(text)) {
    const [, word = '', rest = ''] = /^\s*([a-z]+)\s+(.*)$/is.exec(line) ?? [];
    const instruction = word.toUpperCase();
    if (instruction === 'ARG' && !inStage) {
      for (const [, name = '', quoted, plain] of rest.matchAll(/(\w+)(?:=(?:"([^"]*)"|(\S*)))?/g)) {
        const value = args[name] ?? quoted ?? plain;
        if (value !== undefined) globals.set(name, value);
      }
    }
    if (instruction === 'FROM') {
      inStage = true;
      const [, image = '', stage] = /^(?:--\S+\s+)*(\S+)(?:\s+as\s+(\S+))?\s*$/i.exec(rest) ?? [];
      take(image);
      if (stage !== undefined) own.add(stage.toLowerCase());
    }
    if (instruction === 'COPY' || instruction === 'RUN' || instruction === 'ADD') {
      for (const [, image = ''] of rest.matchAll(/(?:--from=|--mount=(?:[^\s]*,)?from=)([^\s,]+)/g))
        take(image);
    }
    if (instruction === 'ADD' && /(?:^|\s|")(?:https?:\/\/|git@|git:\/\/|ssh:\/\/)/i.test(rest)) {
      unclear.push('the Dockerfile adds something from the network (ADD)');
    }
    if (instruction === 'ONBUILD') unclear.push('the Dockerfile has ONBUILD');
  }
  return { images: [...found], unclear };
}

/** `# name=value` in the first lines, before anything else ("Dockerfile reference", parser directives). */
function parserDirectives(text: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const line of text.replace(/^\uFEFF/, '').split(/\r?\n/)) {
    const [, name = '', value = ''] = /^\s*#\s*([a-z]\w*)\s*=\s*(.*?)\s*$/i.exec(line) ?? [];
    if (name === '') break;
    found.set(name.toLowerCase(), value);
  }
  return found;
}

/** Lines, those that end with `\` joined, comments left out. */
function instructions(text: string): readonly string[] {
  return text
    .split(/\r?\n/)
    .filter((line) => !/^\s*#/.test(line))
    .join('\n')
    .replaceAll(/\\[ \t]*\n/g, ' ')
    .split('\n');
}

/** Puts values in for `$NAME`, `${NAME}` and `${NAME:-default}`; undefined where there is none. */
function fill(written: string, values: ReadonlyMap<string, string>): string | undefined {
  const filled = written.replaceAll(
    /\$(?:(\w+)|\{(\w+)(?::-([^}]*))?\})/g,
    (whole, plain: string | undefined, braced: string | undefined, otherwise: string | undefined) =>
      values.get(plain ?? braced ?? '') || (otherwise ?? whole),
  );
  return filled === '' || /[$"'\s]/.test(filled) ? undefined : filled;
}
