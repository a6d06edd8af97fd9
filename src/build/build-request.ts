import { closest } from 'fastest-levenshtein';
import { couldNot } from '../report/failure.ts';
import { type BuildTarget, parseTargets } from './build-target.ts';

/** A secret of a build: its id in `RUN --mount=type=secret,id=…`, and where its value is. */
export interface BuildSecret {
  readonly id: string;
  readonly from: 'env' | 'file';
  /** The variable, or the file as it was written. */
  readonly name: string;
}

/** What one build is asked to do, checked. Paths are relative to the workspace, as they were written. */
export interface BuildRequest {
  /** The name in every registry: `web`, `shop/web`. */
  readonly repository: string;
  readonly targets: readonly BuildTarget[];
  readonly context: string;
  /** undefined: `Dockerfile` in the context, as Docker has it. */
  readonly dockerfile: string | undefined;
  /** The stage of the Dockerfile; undefined: its last. */
  readonly stage: string | undefined;
  readonly args: Readonly<Record<string, string>>;
  readonly secrets: readonly BuildSecret[];
  /** Sorted, so that their order changes no content key. */
  readonly platforms: readonly string[];
  /** Folders of the workspace, or `docker-image://…`, by name. */
  readonly contexts: Readonly<Record<string, string>>;
  readonly tags: readonly string[];
  /** Layers are kept in the first registry. */
  readonly cache: boolean;
  readonly provenance: 'max' | 'min' | 'none';
  readonly sbom: boolean;
  /** Files in layers get the commit's time: the same commit gives the same layers, in up to twice the time. */
  readonly reproducible: boolean;
  /** Create the repository where it is missing. */
  readonly createRepository: boolean;
}

/** The same as people write it; undefined where they wrote nothing. */
export interface WrittenRequest {
  readonly repository: string;
  readonly targets: string;
  readonly role: string | undefined;
  readonly context: string | undefined;
  readonly dockerfile: string | undefined;
  readonly stage: string | undefined;
  readonly args: string | undefined;
  readonly secrets: string | undefined;
  readonly platforms: string | undefined;
  readonly contexts: string | undefined;
  readonly tags: string | undefined;
  readonly cache: boolean;
  readonly provenance: string | undefined;
  readonly sbom: boolean;
  readonly reproducible: boolean;
  readonly createRepository: boolean;
}

/** ECR's own rule (API reference: CreateRepository, repositoryName). */
const REPOSITORY = /^[a-z\d]+(?:[._-][a-z\d]+)*(?:\/[a-z\d]+(?:[._-][a-z\d]+)*)*$/;

/** What nodes of EKS are, and what else BuildKit names without a variant of ours. */
const PLATFORMS = [
  'linux/amd64',
  'linux/arm64',
  'linux/amd64/v2',
  'linux/amd64/v3',
  'linux/arm/v7',
  'linux/arm/v6',
  'linux/ppc64le',
  'linux/riscv64',
  'linux/s390x',
  'windows/amd64',
];

/** Values of `provenance`. */
const PROVENANCE = ['max', 'min', 'none'] as const;

/**
 * Checks what people wrote.
 *
 * @throws Failure (exit 2): `bad-target`, `bad-repository`, `bad-platform`, `bad-argument`, `bad-secret`, `bad-context`, `bad-input`
 */
export function buildRequest(written: WrittenRequest): BuildRequest {
  if (!REPOSITORY.test(written.repository) || written.repository.length > 256) {
    throw couldNot(
      `${JSON.stringify(written.repository.slice(0, 120))} is not the name of a repository in ECR.`,
      {
        todo: 'Write it without the registry, in small letters: web, or shop/web.',
        reason: 'bad-repository',
      },
    );
  }
  const provenance = PROVENANCE.find((mode) => mode === (written.provenance ?? 'max'));
  if (provenance === undefined) {
    throw couldNot(`provenance is ${JSON.stringify(written.provenance)}.`, {
      todo: 'Write max, min or none.',
      reason: 'bad-input',
    });
  }
  return {
    repository: written.repository,
    targets: parseTargets(written.targets, written.role),
    context: written.context ?? '.',
    dockerfile: written.dockerfile,
    stage: checkStage(written.stage),
    args: pairs(written.args, 'build-args', 'bad-argument', /^[A-Za-z_]\w*$/),
    secrets: parseSecrets(written.secrets),
    platforms: parsePlatforms(written.platforms),
    contexts: checkContexts(pairs(written.contexts, 'build-contexts', 'bad-context', /^[a-z\d][\w./:-]*$/)),
    tags: words(written.tags),
    cache: written.cache,
    provenance,
    sbom: written.sbom,
    reproducible: written.reproducible,
    createRepository: written.createRepository,
  };
}

const linesOf = (text: string | undefined): readonly string[] =>
  (text ?? '')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');

const words = (text: string | undefined): readonly string[] => [
  ...new Set((text ?? '').split(/[\s,]+/).filter((word) => word !== '')),
];

function pairs(text: string | undefined, input: string, reason: string, nameRule: RegExp) {
  const entries = linesOf(text).map((line): [string, string] => {
    const at = line.indexOf('=');
    const name = line.slice(0, at);
    if (at < 1 || !nameRule.test(name)) {
      // Not the line: someone may have put a secret there.
      throw couldNot(`A line of ${input} is not NAME=VALUE (line ${linesOf(text).indexOf(line) + 1}).`, {
        todo: `Write one a line: NAME=VALUE.`,
        reason,
      });
    }
    return [name, line.slice(at + 1)];
  });
  return Object.fromEntries(entries);
}

function checkStage(stage: string | undefined): string | undefined {
  if (stage !== undefined && !/^[\w][\w.-]*$/.test(stage)) {
    throw couldNot(`${JSON.stringify(stage.slice(0, 120))} is not the name of a stage in a Dockerfile.`, {
      todo: 'Write the name after AS in its FROM line.',
      reason: 'bad-input',
    });
  }
  return stage;
}

function checkContexts(contexts: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  for (const [name, value] of Object.entries(contexts)) {
    if (/^[a-z][a-z\d+.-]*:/i.test(value) && !value.startsWith('docker-image://')) {
      throw couldNot(`The build context ${name} is ${JSON.stringify(value.slice(0, 120))}.`, {
        todo: 'Write a folder of this repository, or docker-image://REPOSITORY@sha256:….',
        reason: 'bad-context',
      });
    }
  }
  return contexts;
}

function parseSecrets(text: string | undefined): readonly BuildSecret[] {
  return linesOf(text).map((line, at) => {
    const [, id, from, name] = /^([\w.-]+)=(env|file):(.+)$/.exec(line) ?? [];
    if (id === undefined || name === undefined || (from === 'env' && !/^[A-Za-z_]\w*$/.test(name))) {
      throw couldNot(`Line ${at + 1} of secrets does not say where a secret is.`, {
        todo: 'Write ID=env:VARIABLE and give the variable under env:, or ID=file:PATH. Never the value itself.',
        reason: 'bad-secret',
      });
    }
    return { id, from: from === 'env' ? 'env' : 'file', name };
  });
}

function parsePlatforms(text: string | undefined): readonly string[] {
  const named = words(text);
  const unknown = named.find((platform) => !PLATFORMS.includes(platform));
  if (unknown !== undefined) {
    throw couldNot(`The platform ${JSON.stringify(unknown.slice(0, 60))} is not known.`, {
      todo: `Did you mean ${closest(unknown.slice(0, 60), PLATFORMS)}? Known are: ${PLATFORMS.join(', ')}.`,
      reason: 'bad-platform',
    });
  }
  return named.length === 0 ? ['linux/amd64'] : named.toSorted();
}
