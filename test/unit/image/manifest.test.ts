import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sha256 } from '../../../image/digest.ts';
import { bestPlatformFirst, choosePlatform, parseDocument, parsePlatform } from '../../../image/manifest.ts';
import type { Descriptor, Manifest, Platform } from '../../../image/registry/contract.ts';

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const digest = sha256('x');
const config = { mediaType: 'application/vnd.oci.image.config.v1+json', digest, size: 3 };

function manifest(mediaType: string, document: object): Manifest {
  const bytes = Buffer.from(JSON.stringify(document));
  return { descriptor: { mediaType, digest: sha256(bytes), size: bytes.byteLength }, bytes };
}

test('a manifest and an index are what they say', () => {
  const image = parseDocument(manifest(MANIFEST, { schemaVersion: 2, config, layers: [config] }));
  assert.equal(image.kind === 'image' && image.config.digest, digest);
  const index = parseDocument(
    manifest(INDEX, { mediaType: INDEX, manifests: [{ ...config, mediaType: MANIFEST }] }),
  );
  assert.equal(index.kind === 'index' && index.manifests[0]?.digest, digest);
});

const refused: readonly (readonly [what: string, mediaType: string, document: object])[] = [
  ['a manifest that is an index too', MANIFEST, { config, layers: [], manifests: [] }],
  ['a manifest that is stated as an index', INDEX, { config, layers: [] }],
  ['an index that is stated as a manifest', MANIFEST, { manifests: [] }],
  ['another type inside than outside', MANIFEST, { mediaType: INDEX, config, layers: [] }],
  ['neither', MANIFEST, {}],
  ['a list', MANIFEST, []],
  ['a digest that is a path', MANIFEST, { config: { ...config, digest: 'sha256:../../x' }, layers: [] }],
  ['a negative size', MANIFEST, { config: { ...config, size: -1 }, layers: [] }],
  ['a size beyond numbers', MANIFEST, { config: { ...config, size: 2 ** 60 }, layers: [] }],
  ['another media type', 'text/html', { config, layers: [] }],
  ['too many layers', MANIFEST, { config, layers: Array.from({ length: 10_001 }, () => config) }],
];

for (const [what, mediaType, document] of refused) {
  test(`${what} is refused`, () => {
    assert.throws(() => parseDocument(manifest(mediaType, document)), { code: 'invalid-argument' });
  });
}

const of = (...platforms: (string | undefined)[]): Descriptor[] =>
  platforms.map((text, index) => {
    const [os = '', architecture = '', variant] = text?.split('/') ?? [];
    const platform: Platform = { os, architecture, ...(variant === undefined ? {} : { variant }) };
    return {
      mediaType: MANIFEST,
      digest: sha256(String(index)),
      size: index,
      ...(text === undefined ? {} : { platform }),
    };
  });

const choices: readonly (readonly [
  wanted: string,
  offered: readonly (string | undefined)[],
  chosen: number | undefined,
])[] = [
  ['linux/amd64', ['linux/arm64', 'linux/amd64'], 1],
  ['linux/amd64', ['windows/amd64', 'linux/386'], undefined],
  ['linux/x86_64', ['linux/amd64'], 0],
  ['linux/amd64', ['linux/amd64/v3', 'linux/amd64'], 1],
  ['linux/amd64', ['linux/amd64/v2'], undefined],
  ['linux/amd64/v3', ['linux/amd64', 'linux/amd64/v2', 'linux/amd64/v4'], 1],
  ['linux/arm64', ['linux/arm64/v8'], 0],
  ['linux/arm64/v8', ['linux/arm64'], 0],
  ['linux/arm', ['linux/arm/v5', 'linux/arm/v6', 'linux/arm/v7'], 2],
  ['linux/arm/v6', ['linux/arm/v7', 'linux/arm/v5'], 1],
  ['linux/arm/v6', ['linux/arm/v7'], undefined],
  ['linux/amd64', [undefined, 'linux/amd64'], 1],
  ['linux/amd64', [undefined], 0],
];

for (const [wanted, offered, chosen] of choices) {
  test(`${wanted} of ${offered.map((one) => one ?? 'unknown').join(', ')}`, () => {
    const manifests = of(...offered);
    const choose = (): Descriptor => choosePlatform(manifests, parsePlatform(wanted));
    if (chosen === undefined)
      assert.throws(choose, { code: 'not-found', message: /^no matching manifest for / });
    else assert.equal(choose().size, chosen);
  });
}

test('an archive may hold only what does not run here: it comes last, in its order', () => {
  const offered = of('linux/arm64', 'windows/amd64', undefined, 'linux/amd64/v2', 'linux/amd64');
  const order = bestPlatformFirst(offered, parsePlatform('linux/amd64'));
  assert.deepEqual(
    order.map(({ size }) => size),
    [4, 2, 0, 1, 3],
  );
});

test('an attestation is no image', () => {
  const annotations = { 'vnd.docker.reference.type': 'attestation-manifest' };
  const [only] = of(undefined);
  assert.ok(only !== undefined);
  assert.throws(() => choosePlatform([{ ...only, annotations }], parsePlatform(undefined)), {
    code: 'not-found',
  });
});
