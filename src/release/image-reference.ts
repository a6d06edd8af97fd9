import { couldNot } from '../report/failure.ts';

/** An image as a registry names it. */
export interface ImageReference {
  /** With the registry's host, e.g. `333333333333.dkr.ecr.ap-northeast-1.amazonaws.com/web`. */
  readonly repository: string;
  readonly tag: string | undefined;
  /** `sha256:` and 64 hex digits. */
  readonly digest: string | undefined;
}

/** The grammar of the OCI distribution specification ("Pulling manifests") and of distribution/reference. */
const HOST = String.raw`(?:[a-zA-Z\d](?:[a-zA-Z\d-]*[a-zA-Z\d])?)(?:\.[a-zA-Z\d](?:[a-zA-Z\d-]*[a-zA-Z\d])?)*(?::\d{1,5})?`;
const NAME_PART = String.raw`[a-z\d]+(?:(?:\.|_|__|-+)[a-z\d]+)*`;
const REPOSITORY = new RegExp(`^(?:${HOST}/)?${NAME_PART}(?:/${NAME_PART})*$`);
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^sha256:[a-f\d]{64}$/;

/** Longer than any reference that a registry accepts; keeps the expressions above quick on hostile text. */
const MAX_LENGTH = 512;

/** Reads `repository[:tag][@digest]`; at least one of tag and digest is there. */
export function parseImageReference(text: string): ImageReference {
  const at = text.indexOf('@');
  const named = at === -1 ? text : text.slice(0, at);
  const digest = at === -1 ? undefined : text.slice(at + 1);
  // A colon after the last slash begins the tag; one before it is the registry's port.
  const colon = named.indexOf(':', named.lastIndexOf('/') + 1);
  const repository = colon === -1 ? named : named.slice(0, colon);
  const tag = colon === -1 ? undefined : named.slice(colon + 1);
  if (text.length > MAX_LENGTH || !REPOSITORY.test(repository)) {
    throw badImage(text, 'the repository is not a valid name');
  }
  if (tag === undefined && digest === undefined) {
    throw badImage(text, 'it has neither a tag nor a digest');
  }
  return { repository, tag: checkTag(tag, text), digest: checkDigest(digest, text) };
}

/** Checks a tag that stands alone. */
export function checkTag<Text extends string | undefined>(tag: Text, whole?: string): Text {
  if (tag !== undefined && !TAG.test(tag)) {
    throw badImage(whole ?? tag, 'a tag has letters, digits, ".", "_" and "-", at most 128');
  }
  return tag;
}

/** Checks a digest that stands alone. */
export function checkDigest<Text extends string | undefined>(digest: Text, whole?: string): Text {
  if (digest !== undefined && !DIGEST.test(digest)) {
    throw badImage(whole ?? digest, 'a digest is sha256: and 64 hex digits');
  }
  return digest;
}

const badImage = (text: string, why: string) =>
  couldNot(`${JSON.stringify(text.slice(0, 120))} is not an image: ${why}.`, {
    todo: 'Write it as repository:tag@sha256:…, as the build prints it.',
    reason: 'bad-image',
  });

/** `repository:tag@digest`, as far as they are there. */
export const formatImage = (image: ImageReference): string =>
  `${image.repository}${image.tag === undefined ? '' : `:${image.tag}`}${image.digest === undefined ? '' : `@${image.digest}`}`;

/** For people: the tag, else the digest's first digits. */
export const shortImage = (image: ImageReference): string =>
  image.tag ?? image.digest?.slice('sha256:'.length, 'sha256:'.length + 12) ?? image.repository;

/** Whether a repository lies in one of the registries (`host` or `host/prefix`), at a boundary of names. */
export const isInRegistries = (repository: string, registries: readonly string[]): boolean =>
  registries.some((registry) => repository.startsWith(`${registry.replace(/\/+$/, '')}/`));
