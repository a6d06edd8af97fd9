/** Copies an image from one registry to another, byte for byte: promotion without a build, the digest kept. */
import { createHash } from 'node:crypto';
import { couldNot, refused } from '../report/failure.ts';
import {
  type Descriptor,
  formatPlatform,
  type Manifest,
  type PlatformImage,
  parseManifest,
  platformsOfIndex,
} from './manifest.ts';
import { ask, persist, type Registry, readBody } from './registry-client.ts';

/** A repository of a registry. */
export interface Place {
  readonly registry: Registry;
  readonly repository: string;
}

/** What a copy did. */
export interface Copied {
  /** Blobs that were sent, and their bytes. */
  readonly blobs: number;
  readonly bytes: number;
  /** Blobs that the target had already, or took over from another repository of its own. */
  readonly blobsThere: number;
}

/** ECR's limit for manifests ("Amazon ECR service quotas"). */
const MANIFEST_LIMIT = 4 * 1024 * 1024;
/** An index of indexes is allowed, deeper ones exist only to do harm. */
const DEEPEST = 2;
/** Blobs at a time. */
const LANES = 4;

const MANIFESTS = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ');

const nameOf = ({ registry, repository }: Place): string => `${registry.authorization.host}/${repository}`;

/**
 * Copies an image with everything that it names (provenance and SBOM of BuildKit are part of its index), then what refers to
 * it or to one of its images (signatures, SBOMs, by the Referrers API or by cosign's tags), and puts the tags on it last: a
 * tag never points to half an image. What is there already is not sent again.
 *
 * @param digest of a manifest or index; what arrives is checked against it
 * @throws Failure (exit 1, `tag-taken`) where a tag is on another image already and immutable; (exit 2) `no-image`,
 *   `no-permission`, `expired`, `registry`…
 */
export async function copyImage(
  from: Place,
  to: Place,
  digest: string,
  tags: readonly string[] = [],
): Promise<Copied> {
  const copied = { blobs: 0, bytes: 0, blobsThere: 0 };
  await copyManifest(from, to, digest, copied, 0);
  const children = parseManifest((await getManifest(from, digest))?.text ?? '').children;
  const subjects = [digest, ...children.filter(isImage).map((child) => child.digest)];
  for (const subject of subjects) await copyReferrers(from, to, subject, copied, 0);
  await copySignatureTags(from, to, subjects, copied);
  for (const tag of tags) await tagCopy(to, digest, tag);
  return copied;
}

/** Attestations are in the index already, and nobody signs them one by one (BuildKit docs, "Image attestation storage"). */
const isImage = ({ annotations }: Descriptor): boolean =>
  annotations?.['vnd.docker.reference.type'] === undefined;

/** What refers to an image may be referred to itself: the signature of an SBOM. */
async function copyReferrers(
  from: Place,
  to: Place,
  digest: string,
  copied: Counts,
  depth: number,
): Promise<void> {
  for (const referrer of await referrersOf(from, digest)) {
    await copyManifest(from, to, referrer, copied, DEEPEST);
    if (depth < DEEPEST) await copyReferrers(from, to, referrer, copied, depth + 1);
  }
}

/** Where cosign before version 3 puts signatures, attestations and SBOMs (sigstore/cosign, specs/SIGNATURE_SPEC.md). */
async function copySignatureTags(
  from: Place,
  to: Place,
  digests: readonly string[],
  copied: Counts,
): Promise<void> {
  const tags = digests.flatMap((digest) =>
    ['sig', 'att', 'sbom'].map((kind) => `${digest.replace(':', '-')}.${kind}`),
  );
  const found = await Promise.all(tags.map(async (tag) => [tag, await has(from, tag)] as const));
  for (const [tag, digest] of found) {
    if (digest === undefined) continue;
    await copyManifest(from, to, digest, copied, DEEPEST);
    await tagCopy(to, digest, tag);
  }
}

interface Counts {
  blobs: number;
  bytes: number;
  blobsThere: number;
}

async function copyManifest(
  from: Place,
  to: Place,
  digest: string,
  copied: Counts,
  depth: number,
): Promise<void> {
  if (await has(to, digest)) return;
  const found = await getManifest(from, digest);
  if (found === undefined) {
    throw couldNot(`There is no image ${nameOf(from)}@${digest}.`, {
      todo: 'Check the digest; a lifecycle policy may have expired the image.',
      reason: 'no-image',
    });
  }
  const manifest = parseManifest(found.text);
  if (manifest.children.length > 0 && depth >= DEEPEST) {
    throw couldNot(`${nameOf(from)}@${digest} nests indexes too deep.`, { reason: 'bad-manifest' });
  }
  // A registry takes an index only when it has all its images.
  for (const child of manifest.children) await copyManifest(from, to, child.digest, copied, depth + 1);
  await copyBlobs(from, to, manifest, copied);
  await putManifest(to, found.text, found.mediaType, digest);
}

async function has(place: Place, reference: string): Promise<string | undefined> {
  const { registry, repository } = place;
  return persist(registry, `look for ${nameOf(place)} ${reference}`, async () => {
    const answer = await ask(registry, {
      method: 'HEAD',
      url: `/v2/${repository}/manifests/${reference}`,
      headers: { accept: MANIFESTS },
    });
    answer.body.resume();
    return answer.status === 200 ? String(answer.headers['docker-content-digest']) : undefined;
  });
}

/** The manifest of a digest or a tag, its bytes checked; undefined where there is none. */
export async function getManifest(
  place: Place,
  reference: string,
): Promise<{ readonly text: string; readonly mediaType: string; readonly digest: string } | undefined> {
  const { registry, repository } = place;
  return persist(registry, `read ${nameOf(place)} ${reference}`, async () => {
    const answer = await ask(registry, {
      method: 'GET',
      url: `/v2/${repository}/manifests/${reference}`,
      headers: { accept: MANIFESTS },
    });
    const bytes = await readBody(answer.body, MANIFEST_LIMIT);
    if (answer.status === 404) return undefined;
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    if (reference.startsWith('sha256:') && digest !== reference) {
      // Cut short, or not what was asked for: try again, and fail if it stays so.
      throw new Error(`the bytes that came are ${digest}`);
    }
    return { text: bytes.toString(), mediaType: answer.headers['content-type'] ?? '', digest };
  });
}

async function putManifest(place: Place, text: string, mediaType: string, reference: string): Promise<void> {
  const { registry, repository } = place;
  await persist(registry, `write ${nameOf(place)} ${reference}`, async () => {
    const answer = await ask(registry, {
      method: 'PUT',
      url: `/v2/${repository}/manifests/${reference}`,
      headers: { 'content-type': mediaType, 'content-length': String(Buffer.byteLength(text)) },
      body: () => Buffer.from(text),
    });
    const said = (await readBody(answer.body, 64 * 1024)).toString();
    if (answer.status === 404) throw noRepository(place, said);
  });
}

const noRepository = (place: Place, said: string) =>
  couldNot(`There is no repository ${nameOf(place)}: ${said.slice(0, 200)}`, {
    todo: 'Create it, or allow this build to create it (create-repository: true).',
    reason: 'no-repository',
  });

async function tagCopy(to: Place, digest: string, tag: string): Promise<void> {
  const there = await has(to, tag);
  // ECR refuses an immutable tag also for the digest that it has.
  if (there === digest) return;
  const image = await getManifest(to, digest);
  if (image === undefined) throw couldNot(`${nameOf(to)}@${digest} is gone again.`, { reason: 'no-image' });
  try {
    await putManifest(to, image.text, image.mediaType, tag);
  } catch (error) {
    // An answer of ours may have been lost, or another run has put it there.
    const now = await has(to, tag);
    if (now === digest) return;
    if (now === undefined) throw error;
    throw refused(`The tag ${nameOf(to)}:${tag} is on another image (${now}), not on ${digest}.`, {
      todo: 'Use another tag; a tag that has to move needs an exclusion in the repository.',
      reason: 'tag-taken',
      cause: error,
    });
  }
}

async function copyBlobs(from: Place, to: Place, manifest: Manifest, copied: Counts): Promise<void> {
  const waiting = [...new Map(manifest.blobs.map((blob) => [blob.digest, blob])).values()];
  const lane = async (): Promise<void> => {
    for (let blob = waiting.shift(); blob !== undefined; blob = waiting.shift()) {
      const { digest, size } = blob;
      if (await copyBlob(from, to, digest, size)) {
        copied.blobs += 1;
        copied.bytes += size;
      } else {
        copied.blobsThere += 1;
      }
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

/** @returns whether it had to be sent */
async function copyBlob(from: Place, to: Place, digest: string, size: number): Promise<boolean> {
  const { registry, repository } = to;
  const source = from.registry.authorization.host;
  return persist(registry, `copy ${digest} to ${nameOf(to)}`, async () => {
    const head = await ask(registry, { method: 'HEAD', url: `/v2/${repository}/blobs/${digest}` });
    head.body.resume();
    if (head.status === 200) return false;
    // Only within one registry: another account's cannot be mounted from.
    const mount =
      source === registry.authorization.host
        ? `?${new URLSearchParams({ mount: digest, from: from.repository }).toString()}`
        : '';
    const begun = await ask(registry, {
      method: 'POST',
      url: `/v2/${repository}/blobs/uploads/${mount}`,
      headers: { 'content-length': '0' },
    });
    const said = (await readBody(begun.body, 64 * 1024)).toString();
    if (begun.status === 404) throw noRepository(to, said);
    if (begun.status === 201) return false;
    const upload = new URL(begun.headers.location ?? '', `https://${registry.authorization.host}`);
    upload.searchParams.set('digest', digest);
    const layer = await ask(from.registry, {
      method: 'GET',
      url: `/v2/${from.repository}/blobs/${digest}`,
    });
    if (layer.status !== 200) {
      layer.body.resume();
      throw couldNot(`There is no ${digest} in ${nameOf(from)}.`, { reason: 'no-image' });
    }
    // The registry checks the digest of what arrives.
    const put = await ask(registry, {
      method: 'PUT',
      url: upload.href,
      headers: { 'content-type': 'application/octet-stream', 'content-length': String(size) },
      body: () => layer.body,
    });
    put.body.resume();
    return true;
  });
}

/** Pages that a registry may answer in; more would be an attack. */
const PAGES = 50;

async function referrersOf(place: Place, digest: string): Promise<readonly string[]> {
  const { registry, repository } = place;
  const found: string[] = [];
  let url = `/v2/${repository}/referrers/${digest}`;
  for (let page = 0; page < PAGES; page += 1) {
    const next = await persist(registry, `read what refers to ${nameOf(place)}@${digest}`, async () => {
      const answer = await ask(registry, { method: 'GET', url });
      const bytes = await readBody(answer.body, MANIFEST_LIMIT);
      // A registry without this API has no referrers either.
      if (answer.status === 404) return undefined;
      found.push(...parseManifest(bytes.toString()).children.map((child) => child.digest));
      return /^\s*<([^>]+)>[^,]*\brel="?next"?/.exec(String(answer.headers.link ?? ''))?.[1];
    });
    if (next === undefined) break;
    url = next;
  }
  return found;
}

/**
 * What an image runs on, each with the digest of its own image: from the index, else from the image's config.
 *
 * @param open only called where the config has to be read
 */
export async function platformImages(
  image: { readonly digest: string; readonly manifest: string },
  open: () => Promise<Place>,
): Promise<readonly PlatformImage[]> {
  const manifest = parseManifest(image.manifest);
  if (manifest.children.length > 0) return platformsOfIndex(manifest);
  const place = await open();
  const { registry, repository } = place;
  const digest = manifest.config?.digest ?? '';
  return persist(registry, `read the platform of ${nameOf(place)}`, async () => {
    const answer = await ask(registry, { method: 'GET', url: `/v2/${repository}/blobs/${digest}` });
    const config = JSON.parse((await readBody(answer.body, MANIFEST_LIMIT)).toString()) as {
      os?: unknown;
      architecture?: unknown;
      variant?: unknown;
    };
    const { os, architecture, variant } = config;
    if (typeof os !== 'string' || typeof architecture !== 'string') return [];
    const known = { os, architecture, ...(typeof variant === 'string' ? { variant } : {}) };
    return [{ platform: formatPlatform(known), digest: image.digest }];
  });
}
