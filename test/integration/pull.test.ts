import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { makeCtx } from '../../common/ctx.ts';
import { silentLog } from '../../common/log.ts';
import { sha256 } from '../../image/digest.ts';
import { imageId, type ImageParts } from '../lib/image-archives.ts';
import { testStore, type TestStore } from '../lib/image-store.ts';
import { pullRegistry, type PullRegistry } from '../lib/pull-registry.ts';
import { plainRegistries, pullFrom, words } from '../lib/pulling.ts';
import { eventually } from '../lib/process.ts';
import { requires } from '../lib/requires.ts';
import { tarball } from '../lib/tarball.ts';

const NEEDS = requires('root', 'docker-registry');
const MB = 1 << 20;

const layerOf = (name: string, bytes = 100): Buffer =>
  tarball([{ name: `${name}/` }, { name: `${name}/file`, data: randomBytes(bytes) }]);

const threeLayers = (bytes = 100): ImageParts => ({
  layers: ['a', 'b', 'c'].map((name) => layerOf(name, bytes)),
});

async function place(t: TestContext): Promise<{ registry: PullRegistry; store: TestStore }> {
  const registry = await pullRegistry(t);
  return { registry, store: await testStore(t, undefined, plainRegistries()) };
}

const at = (store: TestStore): { store: TestStore; ctx: TestStore['ctx'] } => ({ store, ctx: store.ctx });
const short = (digest: string): string => digest.slice(7, 19);

/** Neither partial blobs, nor files that no row knows. */
async function isTidy(store: TestStore): Promise<void> {
  assert.equal(store.disk.usage().partialBytes, 0);
  assert.deepEqual(await readdir(join(store.dataRoot, 'content', 'partial')), []);
  const { orphans, missing } = await store.disk.verify(store.ctx);
  assert.deepEqual({ orphans, missing }, { orphans: [], missing: [] });
}

test(
  'a pull says what docker says, publishes names and digest, and keeps what a push needs',
  NEEDS,
  async (t) => {
    const { registry, store } = await place(t);
    const parts = threeLayers();
    const pushed = await registry.push(parts, 'some/thing:1');
    const name = `${registry.host}/some/thing`;
    const { images, said } = await pullFrom(at(store), `${name}:1`);
    const [image] = images;
    assert.equal(image?.id, imageId(parts));
    assert.deepEqual(image.tags, [`${name}:1`]);
    assert.deepEqual(image.digests, [`${name}@${pushed.manifest}`]);
    assert.equal(image.descriptor?.digest, pushed.manifest);
    const heard = words(said);
    const ids = pushed.layers.map(({ digest }) => short(digest));
    assert.deepEqual(heard.slice(0, 4), [
      '1: Pulling from some/thing',
      ...ids.map((id) => `${id}: Pulling fs layer`),
    ]);
    for (const id of ids) {
      const own = heard.filter((text) => text.startsWith(id) && !text.endsWith('Waiting'));
      const order = [
        'Pulling fs layer',
        'Downloading',
        'Verifying Checksum',
        'Download complete',
        'Extracting',
        'Pull complete',
      ];
      assert.deepEqual(
        own.filter((text, index) => own.indexOf(text) === index),
        order.map((word) => `${id}: ${word}`),
      );
    }
    assert.deepEqual(
      heard.filter((text) => text.endsWith('Pull complete')),
      ids.map((id) => `${id}: Pull complete`),
    );
    assert.deepEqual(heard.slice(-2), [
      `Digest: ${pushed.manifest}`,
      `Status: Downloaded newer image for ${name}:1`,
    ]);
    assert.deepEqual(store.events, [`pull ${name}`]);
    const blobs = join(store.dataRoot, 'content', 'blobs', 'sha256');
    for (const digest of [image.id, pushed.manifest, ...pushed.layers.map((layer) => layer.digest)]) {
      assert.equal(sha256(await readFile(join(blobs, digest.slice(7)))), digest);
    }
    await isTidy(store);
  },
);

test('a second pull fetches nothing, and says that the image is up to date', NEEDS, async (t) => {
  const { registry, store } = await place(t);
  const { manifest } = await registry.push(threeLayers(), 'x:1');
  const name = `${registry.host}/x:1`;
  await pullFrom(at(store), name);
  const before = registry.sentBytes;
  const { said } = await pullFrom(at(store), name);
  assert.deepEqual(words(said), [
    '1: Pulling from x',
    `Digest: ${manifest}`,
    `Status: Image is up to date for ${name}`,
  ]);
  assert.ok(registry.sentBytes - before < 1000);
});

test('layers that another image has are not fetched again', NEEDS, async (t) => {
  const { registry, store } = await place(t);
  const parts = threeLayers(MB);
  const pushed = await registry.push(parts, 'x:1');
  await registry.push({ layers: [...parts.layers, layerOf('d')] }, 'x:2');
  await pullFrom(at(store), `${registry.host}/x:1`);
  const { said } = await pullFrom(at(store), `${registry.host}/x:2`);
  const there = words(said).filter((text) => text.endsWith('Already exists'));
  assert.deepEqual(
    there,
    pushed.layers.map(({ digest }) => `${short(digest)}: Already exists`),
  );
  for (const { digest } of pushed.layers) assert.equal(registry.gets(digest), 1);
  await isTidy(store);
});

for (const how of ['none', 'gzip', 'zstd', 'bzip2', 'xz'] as const) {
  test(`layers compressed by ${how}, also the same one twice`, NEEDS, async (t) => {
    const { registry, store } = await place(t);
    const layer = layerOf('a');
    const parts = { layers: [layer, layerOf('b'), layer, layer] };
    await registry.push(parts, 'x:1', { how });
    const { images } = await pullFrom(at(store), `${registry.host}/x:1`);
    assert.equal(images[0]?.id, imageId(parts));
    await isTidy(store);
  });
}

test('all tags, by digest, and a tag that moves', NEEDS, async (t) => {
  const { registry, store } = await place(t);
  const [first, second] = [threeLayers(), threeLayers()];
  const one = await registry.push(first, 'x:1');
  await registry.push(second, 'x:2');
  const name = `${registry.host}/x`;
  const { images, said } = await pullFrom(at(store), name, { allTags: true });
  assert.deepEqual(images.map(({ id }) => id).sort(), [imageId(first), imageId(second)].sort());
  assert.equal(words(said).at(-1), `Status: Downloaded newer image for ${name}`);
  assert.deepEqual(store.events, [`pull ${name}`]);
  const byDigest = await pullFrom(at(store), `${name}@${one.manifest}`);
  assert.equal(byDigest.images[0]?.id, imageId(first));
  assert.equal(words(byDigest.said)[0], `${one.manifest}: Pulling from x`);
  await registry.push(second, 'x:1');
  const moved = await pullFrom(at(store), `${name}:1`);
  assert.equal(words(moved.said).at(-1), `Status: Downloaded newer image for ${name}:1`);
  assert.equal(store.images.get(`${name}:1`).id, imageId(second));
  assert.deepEqual(store.images.get(imageId(first)).tags, []);
});

const INDEX = 'application/vnd.oci.image.index.v1+json';
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';

test('of an index, the image for the platform; its digest is the repository digest', NEEDS, async (t) => {
  const { registry, store } = await place(t);
  const [mine, other] = [threeLayers(), threeLayers()];
  const [a, b] = [await registry.push(mine, 'x:mine'), await registry.push(other, 'x:other')];
  const own = process.arch === 'x64' ? 'amd64' : process.arch;
  const manifests = [
    {
      mediaType: MANIFEST,
      digest: b.manifest,
      size: b.manifestBytes,
      platform: { os: 'linux', architecture: 's390x' },
    },
    {
      mediaType: MANIFEST,
      digest: a.manifest,
      size: a.manifestBytes,
      platform: { os: 'linux', architecture: own },
    },
  ];
  const index = await registry.putManifest('x', 'all', {
    mediaType: INDEX,
    schemaVersion: 2,
    manifests,
  } as never);
  const name = `${registry.host}/x`;
  const { images } = await pullFrom(at(store), `${name}:all`);
  assert.equal(images[0]?.id, imageId(mine));
  assert.deepEqual(images[0]?.digests, [`${name}@${index}`]);
  assert.equal(images[0]?.descriptor?.digest, a.manifest);
  const foreign = await pullFrom(at(store), `${name}:all`, { platform: 'linux/s390x' });
  assert.equal(foreign.images[0]?.id, imageId(other));
  await assert.rejects(
    pullFrom(at(store), `${name}:all`, { platform: 'linux/riscv64' }),
    /no matching manifest for linux\/riscv64 in the manifest list entries/,
  );
  const { descriptor, platforms } = await store.transfers.inspect(store.ctx, `${name}:all`, undefined);
  assert.equal(descriptor.digest, index);
  assert.deepEqual(
    platforms.map(({ architecture }) => architecture),
    ['s390x', own],
  );
  // The index stays as long as an image that came by it, over a restart too.
  await isTidy(store);
  await store.close();
  const again = await testStore(t, store.dataRoot, plainRegistries());
  await readFile(join(store.dataRoot, 'content', 'blobs', 'sha256', index.slice(7)));
  await isTidy(again);
});

test('what is no image is refused, and leaves nothing', NEEDS, async (t) => {
  const { registry, store } = await place(t);
  const parts = threeLayers();
  await registry.push(parts, 'x:artifact', { config: { mediaType: 'application/vnd.example.chart+json' } });
  await registry.push(parts, 'x:few', { manifest: { layers: [] } });
  await registry.push({ ...parts, layers: [Buffer.from('no archive'.repeat(1000))] }, 'x:damaged');
  const name = `${registry.host}/x`;
  const refusals: readonly (readonly [string, RegExp])[] = [
    ['artifact', /unsupported media type application\/vnd\.example\.chart\+json/],
    ['few', /layers length mismatch/],
    ['damaged', /tar/],
    ['none', /not found/],
  ];
  for (const [tag, error] of refusals) {
    await assert.rejects(pullFrom(at(store), `${name}:${tag}`), error, tag);
    assert.deepEqual(store.images.list(), []);
    const { orphans } = await store.disk.verify(store.ctx);
    assert.deepEqual(orphans, [], tag);
  }
});

test('many who want the same are served by one transfer, each with progress', NEEDS, async (t) => {
  const { registry, store } = await place(t);
  const parts = threeLayers(MB);
  const { layers } = await registry.push(parts, 'x:1');
  await registry.push({ layers: [...parts.layers, layerOf('d')] }, 'x:2');
  registry.throttle(4 * MB);
  const names = ['x:1', 'x:1', 'x:1', 'x:2'].map((name) => `${registry.host}/${name}`);
  const pulled = await Promise.all(names.map((name) => pullFrom(at(store), name)));
  for (const { said } of pulled) {
    for (const { digest } of layers) {
      assert.ok(said.some(({ id, status }) => id === short(digest) && status === 'Downloading'));
      assert.ok(said.some(({ id, status }) => id === short(digest) && status === 'Pull complete'));
    }
  }
  for (const { digest } of layers) assert.equal(registry.gets(digest), 1);
  await isTidy(store);
});

test(
  'one client of several leaves: the rest goes on; the last one leaves: it stops, and the next goes on from there',
  NEEDS,
  async (t) => {
    const { registry, store } = await place(t);
    const parts = { layers: [layerOf('a', 4 * MB)] };
    const { layers } = await registry.push(parts, 'x:1');
    const size = layers[0]?.size ?? 0;
    registry.throttle(8 * MB);
    const name = `${registry.host}/x:1`;
    const aborts = [new AbortController(), new AbortController()];
    const pulls = aborts.map(({ signal }) => pullFrom({ store, ctx: makeCtx(silentLog, signal) }, name));
    const [first, second] = pulls.map((pull) => assert.rejects(pull, /cancelled/));
    await eventually('some came', () => store.disk.usage().partialBytes > 0.1 * size);
    aborts[0]?.abort();
    await first;
    const then = registry.sentBytes;
    await eventually('it goes on', () => registry.sentBytes > then + 0.1 * size);
    aborts[1]?.abort();
    await second;
    await eventually('it stopped', async () => {
      const before = registry.sentBytes;
      await new Promise((resolve) => setTimeout(resolve, 200));
      return registry.sentBytes === before;
    });
    assert.deepEqual(store.images.list(), []);
    assert.ok(registry.sentBytes < size);
    const kept = store.disk.usage().partialBytes;
    assert.ok(kept > 0.1 * size, `${kept} of ${registry.sentBytes} of ${size}`);
    registry.throttle(0);
    const { said } = await pullFrom(at(store), name);
    const bar = said.find(({ progressDetail }) => progressDetail?.total !== undefined);
    assert.ok(bar?.progressDetail?.current !== undefined && bar.progressDetail.current > 0);
    assert.ok(registry.sentBytes < 1.05 * size, `${registry.sentBytes} of ${size}`);
    await isTidy(store);
  },
);
