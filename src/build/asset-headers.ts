import path from 'node:path';

/** How an asset is served. */
export interface AssetHeaders {
  readonly contentType: string;
  readonly contentEncoding: string | undefined;
  /** Its name changes with its content, so that browsers keep it for ever. */
  readonly isImmutable: boolean;
}

/** By the ending (IANA, "Media Types"; what browsers ask of modules, fonts and WebAssembly). */
const TYPES: Readonly<Record<string, string>> = {
  avif: 'image/avif',
  css: 'text/css; charset=utf-8',
  csv: 'text/csv; charset=utf-8',
  eot: 'application/vnd.ms-fontobject',
  gif: 'image/gif',
  htm: 'text/html; charset=utf-8',
  html: 'text/html; charset=utf-8',
  ico: 'image/vnd.microsoft.icon',
  jpeg: 'image/jpeg',
  jpg: 'image/jpeg',
  js: 'text/javascript; charset=utf-8',
  json: 'application/json',
  map: 'application/json',
  md: 'text/markdown; charset=utf-8',
  mjs: 'text/javascript; charset=utf-8',
  mp3: 'audio/mpeg',
  mp4: 'video/mp4',
  ogg: 'audio/ogg',
  otf: 'font/otf',
  pdf: 'application/pdf',
  png: 'image/png',
  svg: 'image/svg+xml',
  ttf: 'font/ttf',
  txt: 'text/plain; charset=utf-8',
  wasm: 'application/wasm',
  wav: 'audio/wav',
  webm: 'video/webm',
  webmanifest: 'application/manifest+json',
  webp: 'image/webp',
  woff: 'font/woff',
  woff2: 'font/woff2',
  xml: 'application/xml',
};

/** Files that were packed before (Sprockets, webpack's compression plugin), and what HTTP calls it. */
const ENCODINGS: Readonly<Record<string, string>> = { gz: 'gzip', br: 'br', zst: 'zstd' };

/** A digest as Sprockets, Propshaft and webpack put it into names: after a `-` or `.`, 8 or more hex digits. */
const DIGEST = /[-.]([a-f\d]{8,64})(?=[.-]|$)/g;

/**
 * How a file is served, by its name alone.
 *
 * Eight digits may be a date, and eight letters a word: a short digest counts only when it has both. A name that is taken
 * for a digest by mistake would keep an old file in browsers for ever; the other mistake costs one request.
 */
export function assetHeaders(file: string): AssetHeaders {
  const name = path.posix.basename(file);
  const parts = name.toLowerCase().split('.').slice(1);
  const contentEncoding = Object.hasOwn(ENCODINGS, parts.at(-1) ?? '')
    ? ENCODINGS[parts.at(-1) ?? '']
    : undefined;
  const ending = (contentEncoding === undefined ? parts.at(-1) : parts.at(-2)) ?? '';
  const known = Object.hasOwn(TYPES, ending) ? TYPES[ending] : undefined;
  const digests = [...name.matchAll(DIGEST)].map(([, digest = '']) => digest);
  return {
    contentType: known ?? 'application/octet-stream',
    // A packed file of an unknown kind is a download.
    contentEncoding: known === undefined ? undefined : contentEncoding,
    isImmutable: digests.some((digest) => /[a-f]/.test(digest) && /\d/.test(digest)),
  };
}
