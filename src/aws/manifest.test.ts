import { describe, expect, test } from 'vitest';
import { parseManifest } from './manifest.ts';

const digest = (letter: string): string => `sha256:${letter.repeat(64)}`;
const part = (letter: string, more: object = {}) => ({ digest: digest(letter), size: 7, ...more });

describe('a manifest', () => {
  test('of one image: its config and layers, without layers that lie elsewhere', () => {
    const layers = [part('b', { mediaType: 'l' }), part('c', { urls: ['https://example.com/base'] })];
    expect(parseManifest(JSON.stringify({ mediaType: 'm', config: part('a'), layers }))).toEqual({
      mediaType: 'm',
      children: [],
      config: part('a'),
      blobs: [part('a'), layers[0]],
    });
  });

  test('of several: its images with their platforms and annotations', () => {
    const manifests = [
      part('a', { platform: { os: 'linux', architecture: 'arm64', variant: 'v8' } }),
      part('b', { annotations: { 'vnd.docker.reference.type': 'attestation-manifest' } }),
    ];
    expect(parseManifest(JSON.stringify({ schemaVersion: 2, manifests }))).toEqual({
      mediaType: undefined,
      children: manifests,
      config: undefined,
      blobs: [],
    });
  });

  test.each<[string, unknown]>([
    ['a text', 'text'],
    ['nothing', null],
    ['a list', [part('a')]],
    ['neither images nor a config', { layers: [part('a')] }],
    ['a digest that leads elsewhere', { config: { ...part('a'), digest: '../../blobs' } }],
    ['no size', { config: { digest: digest('a') } }],
    ['a size below nothing', { config: part('a', { size: -1 }) }],
    ['half a byte', { config: part('a', { size: 0.5 }) }],
    ['layers that are no list', { config: part('a'), layers: { length: 1 } }],
    ['a layer that is nothing', { config: part('a'), layers: [null] }],
    ['more layers than an image has', { config: part('a'), layers: Array(1001).fill(part('b')) }],
    ['a platform without an architecture', { manifests: [part('a', { platform: { os: 'linux' } })] }],
    ['annotations that are no texts', { manifests: [part('a', { annotations: { a: {} } })] }],
    ['addresses that are no list', { config: part('a', { urls: 'https://example.com' }) }],
  ])('is refused: %s', (_, value) => {
    expect(() => parseManifest(JSON.stringify(value))).toThrow(
      expect.objectContaining({ exitCode: 2, reason: 'bad-manifest' }),
    );
  });

  test('is refused when it is no JSON', () => {
    expect(() => parseManifest('<html>')).toThrow(expect.objectContaining({ reason: 'bad-manifest' }));
  });
});
