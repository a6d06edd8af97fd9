import {
  boolYaml11Tag,
  CORE_SCHEMA,
  defineScalarTag,
  load,
  mergeTag,
  NOT_RESOLVED,
  nullYaml11Tag,
  YAMLException,
} from 'js-yaml';
import { couldNot, type Place } from '../report/failure.ts';
import { newMap, type PlainMap } from '../yaml/data.ts';
import { DEFAULT_LIMITS } from '../yaml/limits.ts';

/** Whole numbers as Go's strconv reads them with base 0: `010` and `0o10` are eight, `1_000` is a thousand. */
const goInteger = defineScalarTag('tag:yaml.org,2002:int', {
  implicit: true,
  resolve: (text) => {
    const digits = text.replaceAll('_', '');
    const [, sign, octal, other] =
      /^([-+]?)(?:0o?([0-7]+)|(0x[\da-fA-F]+|0b[01]+|0|[1-9]\d*))$/.exec(digits) ?? [];
    if (sign === undefined || !/\d$|[a-fA-F]$/.test(text)) return NOT_RESOLVED;
    const value = octal === undefined ? Number(other) : Number.parseInt(octal, 8);
    return sign === '-' ? -value : value;
  },
  identify: () => false,
});

const goFloat = defineScalarTag('tag:yaml.org,2002:float', {
  implicit: true,
  resolve: (text) => {
    if (!/^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/.test(text)) return NOT_RESOLVED;
    const value = Number(text);
    return Number.isFinite(value) ? value : NOT_RESOLVED;
  },
  identify: () => false,
});

/**
 * YAML as Argo CD's reader (sigs.k8s.io/yaml, which makes JSON of it) understands it: the words and octals of YAML 1.1, but
 * dates and `1:30` are text.
 */
const GO_SCHEMA = CORE_SCHEMA.withTags(mergeTag, boolYaml11Tag, nullYaml11Tag, goInteger, goFloat);

/**
 * Reads one YAML (or JSON) document as Argo CD does.
 *
 * @param firstLine where the text begins in its file, from 1
 * @returns plain data whose maps have no prototype; undefined for an empty document
 * @throws Failure (exit 2, `bad-yaml`) with file:line:column; also for an alias bomb and for what is nested too deep
 */
export function readGoYaml(text: string, file: string, firstLine = 1): unknown {
  if (/^(?:\s|#[^\n]*(?:\n|$)|---\s*\n)*$/.test(text)) return undefined;
  let read: unknown;
  try {
    read = load(text, {
      schema: GO_SCHEMA,
      maxAliases: DEFAULT_LIMITS.maxAliases,
      maxDepth: DEFAULT_LIMITS.maxDepth,
    });
  } catch (error) {
    // The reader throws other errors too, for what it was not made for.
    const { reason, mark } =
      error instanceof YAMLException ? error : { reason: String(error), mark: undefined };
    throw badYaml(`The YAML cannot be read: ${reason}.`, {
      file,
      line: firstLine + (mark?.line ?? 0),
      ...(mark === undefined ? {} : { column: mark.column + 1 }),
    });
  }
  return copyOf(read, { file, line: firstLine });
}

/**
 * A copy without prototypes, in which aliases are followed. Aliases share objects, so nothing has been multiplied yet; here it
 * is counted.
 */
function copyOf(value: unknown, at: Place): unknown {
  let nodes = 0;
  const copy = (source: unknown, depth: number): unknown => {
    nodes += 1;
    if (nodes > DEFAULT_LIMITS.maxAliasedNodes || depth > DEFAULT_LIMITS.maxDepth) {
      throw badYaml('The YAML grows too large or too deep when its aliases are followed.', at);
    }
    if (Array.isArray(source)) return source.map((item: unknown) => copy(item, depth + 1));
    if (typeof source !== 'object' || source === null) return source;
    const map: PlainMap = newMap();
    for (const [key, item] of Object.entries(source)) map[key] = copy(item, depth + 1);
    return map;
  };
  return copy(value, 0);
}

const badYaml = (message: string, at: Place) =>
  couldNot(message, { at, todo: 'Correct the file: Argo CD cannot read it either.', reason: 'bad-yaml' });

/** One document of a stream, as text. */
export interface YamlDocumentText {
  readonly text: string;
  /** Where the text begins, from 1. */
  readonly firstLine: number;
}

/** Splits a stream of YAML documents at its `---` lines, as Kubernetes' reader does before it parses. */
export function splitDocuments(stream: string): YamlDocumentText[] {
  const documents: YamlDocumentText[] = [];
  let lines: string[] = [];
  let firstLine = 1;
  const end = (next: number): void => {
    if (lines.some((line) => line.trim() !== '')) documents.push({ text: lines.join('\n'), firstLine });
    lines = [];
    firstLine = next;
  };
  for (const [index, line] of stream
    .replace(/^\uFEFF/, '')
    .split('\n')
    .entries()) {
    if (/^---(?:\s|$)/.test(line)) {
      end(index + 1);
      lines.push(line.slice(3));
    } else {
      lines.push(line);
    }
  }
  end(0);
  return documents;
}
