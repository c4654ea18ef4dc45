import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { env, execPath } from 'node:process';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { dockerArchive, imageId, type ImageParts } from '../lib/image-archives.ts';
import { testStore, type TestStore } from '../lib/image-store.ts';
import { pullRegistry, type PullRegistry } from '../lib/pull-registry.ts';
import { plainRegistries, pullFrom } from '../lib/pulling.ts';
import { ended, eventually, start } from '../lib/process.ts';
import { requires } from '../lib/requires.ts';
import { tarball } from '../lib/tarball.ts';

const NEEDS = requires('root', 'docker-registry');
const MB = 1 << 20;
const PROCESS = fileURLToPath(new URL('../lib/pull-process.ts', import.meta.url));

const layerOf = (name: string, bytes: number): Buffer =>
  tarball([{ name: `${name}/` }, { name: `${name}/file`, data: randomBytes(bytes) }]);

const image = (bytes: number): ImageParts => ({
  layers: ['a', 'b', 'c', 'd'].map((name) => layerOf(name, bytes)),
});

async function emptyRoot(t: TestContext): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'pull-'));
  t.after(() => rm(root, { recursive: true, force: true }));
  return root;
}

const pull = (store: TestStore, reference: string): ReturnType<typeof pullFrom> =>
  pullFrom({ store, ctx: store.ctx }, reference);

async function isTidy(store: TestStore): Promise<void> {
  assert.equal(store.disk.usage().partialBytes, 0);
  const { orphans, missing } = await store.disk.verify(store.ctx);
  assert.deepEqual({ orphans, missing }, { orphans: [], missing: [] });
}

/** Pulls in a process of its own, which ends by itself or is killed when `until` says so. Its exit code. */
async function pullInProcess(
  root: string,
  reference: string,
  { failpoint = '', until }: { failpoint?: string; until?: () => boolean },
): Promise<number> {
  const child = start([execPath, PROCESS, root, reference], {
    stdio: 'ignore',
    env: { ...env, WHERRY_FAILPOINTS: failpoint },
  });
  if (until !== undefined) {
    await eventually('there is enough', () => until() || child.exitCode !== null);
    child.kill('SIGKILL');
  }
  return ended(child);
}

test('killed at 10, 50 and 90 % of a pull: the next one goes on from there', NEEDS, async (t) => {
  const registry = await pullRegistry(t);
  const root = await emptyRoot(t);
  const parts = image(4 * MB);
  const { layers } = await registry.push(parts, 'x:1', { how: 'none' });
  const size = layers.reduce((sum, layer) => sum + layer.size, 0);
  const reference = `${registry.host}/x:1`;
  for (const share of [0.1, 0.5, 0.9]) {
    registry.stopAt(share * size);
    // What the network still has is nobody's fault; what came must be on the disk, and not in somebody's buffer.
    const until = (): boolean => registry.sentBytes >= share * size && keptIn(root) > (share - 0.005) * size;
    assert.equal(await pullInProcess(root, reference, { until }), 128 + 9, `killed at ${share}`);
  }
  registry.stopAt(Number.POSITIVE_INFINITY);
  const store = await testStore(t, root, plainRegistries());
  assert.deepEqual(store.images.list(), []);
  const kept = store.disk.usage().partialBytes;
  assert.ok(kept > 0.89 * size, `${kept} of ${size}`);
  const { images } = await pull(store, reference);
  assert.equal(images[0]?.id, imageId(parts));
  const configBytes = 1000;
  const again = registry.sentBytes - size - 4 * configBytes;
  assert.ok(again < 0.01 * size, `${again} bytes of ${size} came twice`);
  await isTidy(store);
});

function keptIn(root: string): number {
  const directory = join(root, 'content', 'partial');
  if (!existsSync(directory)) return 0;
  return readdirSync(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);
}

test(
  'killed at any step: nothing is published, nothing is left, nothing is fetched twice',
  NEEDS,
  async (t) => {
    const registry = await pullRegistry(t);
    for (const name of ['pull.manifest', 'layer.unpacked', 'pull.fetched', 'pull.unpacked', 'pull.synced']) {
      const root = await emptyRoot(t);
      const { layers } = await registry.push(image(1000), `${name}:1`);
      const reference = `${registry.host}/${name}:1`;
      assert.equal(await pullInProcess(root, reference, { failpoint: `${name}=kill` }), 128 + 9);
      const store = await testStore(t, root, plainRegistries());
      assert.deepEqual(store.images.list(), []);
      const { orphans, missing } = await store.disk.verify(store.ctx);
      assert.deepEqual({ orphans, missing }, { orphans: [], missing: [] });
      await pull(store, reference);
      await isTidy(store);
      if (name !== 'pull.fetched') continue;
      for (const { digest } of layers) assert.equal(registry.gets(digest), 1);
    }
  },
);

test('a blob that was damaged on its way is fetched once more', NEEDS, async (t) => {
  const { registry, store, reference, parts, digest } = await small(t);
  let damaged = 0;
  registry.onBlob((asked) => (asked === digest && (damaged += 1) === 1 ? { corrupt: true } : undefined));
  const { images } = await pull(store, reference);
  assert.equal(images[0]?.id, imageId(parts));
  assert.equal(registry.gets(digest), 2);
  await isTidy(store);
});

test('one that is damaged twice fails in docker’s words, and no byte of it is kept', NEEDS, async (t) => {
  const { registry, store, reference, digest } = await small(t);
  registry.onBlob((asked) => (asked === digest ? { corrupt: true } : undefined));
  await assert.rejects(
    pull(store, reference),
    new RegExp(`filesystem layer verification failed for digest ${digest}`),
  );
  assert.equal(registry.gets(digest), 2);
  assert.deepEqual(store.images.list(), []);
  const partials = await readdir(join(store.dataRoot, 'content', 'partial'));
  assert.ok(!partials.includes(digest.slice(7)));
  const { orphans, missing } = await store.disk.verify(store.ctx);
  assert.deepEqual({ orphans, missing }, { orphans: [], missing: [] });
  registry.onBlob(() => undefined);
  await pull(store, reference);
  await isTidy(store);
});

test('what was kept and is damaged since is fetched anew', NEEDS, async (t) => {
  const { registry, store, reference, digest, size } = await small(t);
  const file = join(store.dataRoot, 'content', 'partial', digest.slice(7));
  for (const bytes of [size >> 1, size, size * 2]) {
    await writeFile(file, Buffer.alloc(bytes, 'x'));
    await pull(store, reference);
    await isTidy(store);
    await store.images.remove(store.ctx, reference, { force: true, users: () => [] });
    await isTidy(store);
  }
  assert.ok(registry.gets(digest) >= 3);
});

test('what a killed pull left of a blob does not replace one that came in an archive', NEEDS, async (t) => {
  const registry = await pullRegistry(t);
  const parts = image(64);
  const more = { layers: [...parts.layers, layerOf('e', 64)] };
  const { layers } = await registry.push(more, 'x:1', { how: 'none' });
  const root = await emptyRoot(t);
  const before = await testStore(t, root);
  await before.loadBytes(dockerArchive(parts));
  await before.close();
  for (const { digest } of layers) await writeFile(join(root, 'content/partial', digest.slice(7)), '');
  const store = await testStore(t, root, plainRegistries());
  await pull(store, `${registry.host}/x:1`);
  assert.deepEqual(await store.disk.check(store.ctx, { repair: false }), []);
  await isTidy(store);
});

test('a connection that is cut: what came is kept', NEEDS, async (t) => {
  const { registry, store, reference, digest, size } = await small(t);
  let cuts = 0;
  registry.onBlob((asked) =>
    asked === digest && (cuts += 1) === 1 ? { cutAfterBytes: size >> 1 } : undefined,
  );
  await pull(store, reference).catch(() => pull(store, reference));
  assert.ok(registry.sentBytes < 4.2 * size, `${registry.sentBytes} of four times ${size}`);
  await isTidy(store);
});

test('partial blobs go when nobody has asked for them for a week', NEEDS, async (t) => {
  const root = await emptyRoot(t);
  const first = await testStore(t, root, plainRegistries());
  await first.close();
  const partial = join(root, 'content', 'partial');
  const [old, young] = ['0'.repeat(64), '1'.repeat(64)];
  for (const name of [old, young, 'no-digest']) await writeFile(join(partial, name), 'some');
  const weekAgo = Date.now() / 1000 - 8 * 24 * 3600;
  await utimes(join(partial, old), weekAgo, weekAgo);
  const store = await testStore(t, root, plainRegistries());
  assert.deepEqual(await readdir(partial), [young]);
  assert.equal(store.disk.usage().partialBytes, 4);
});

interface Small {
  readonly registry: PullRegistry;
  readonly store: TestStore;
  readonly reference: string;
  readonly parts: ImageParts;
  /** Of the second layer's blob. */
  readonly digest: string;
  readonly size: number;
}

async function small(t: TestContext): Promise<Small> {
  const registry = await pullRegistry(t);
  const parts = image(200_000);
  const { layers } = await registry.push(parts, 'x:1');
  const store = await testStore(t, undefined, plainRegistries());
  const { digest = '', size = 0 } = layers[1] ?? {};
  return { registry, store, reference: `${registry.host}/x:1`, parts, digest, size };
}
