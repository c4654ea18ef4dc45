import assert from 'node:assert/strict';
import { readdirSync, readlinkSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { extract } from 'tar-stream';
import { makeCtx } from '../../../../common/ctx.ts';
import { silentLog } from '../../../../common/log.ts';
import { dockerArchive, imageId, layer, ociArchive, type ImageParts } from '../../../lib/image-archives.ts';
import { testStore, type TestStore } from '../../../lib/image-store.ts';
import { eventually } from '../../../lib/process.ts';
import { requires } from '../../../lib/requires.ts';

const base = layer({ name: 'base', data: 'b'.repeat(3000) });
const first: ImageParts = {
  layers: [base, layer({ name: 'one', data: '1' })],
  tags: ['app:1', 'app:2', 'localhost:5000/a/b:x'],
};
const second: ImageParts = { layers: [base, layer({ name: 'two', data: '2' })], tags: ['other:latest'] };

const save = async (store: TestStore, ...references: string[]): Promise<Buffer> =>
  buffer(Readable.from(await store.archives.save(store.ctx, references, undefined)));

async function filesOf(archive: Uint8Array): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  for await (const entry of Readable.from([archive]).pipe(extract())) {
    assert.ok(!files.has(entry.header.name), `${entry.header.name} is there twice`);
    files.set(entry.header.name, await buffer(entry));
  }
  return files;
}

const jsonOf = async (archive: Uint8Array, name: string): Promise<never> =>
  JSON.parse((await filesOf(archive)).get(name)?.toString() ?? 'null') as never;

for (const how of ['none', 'gzip', 'zstd'] as const) {
  test(`what is saved loads as the same image, layers stored as ${how}`, requires('root'), async (t) => {
    const from = await testStore(t);
    await from.loadBytes(dockerArchive(first, how));
    await from.loadBytes(ociArchive({ ...second, tags: [] }, { how }));
    await from.images.tag(from.ctx, imageId(second), 'other:latest');
    const archive = await save(from, 'app:1', 'app', imageId(first), 'localhost:5000/a/b:x', 'other');
    assert.deepEqual(
      await save(from, 'app:1', 'app', imageId(first), 'localhost:5000/a/b:x', 'other'),
      archive,
    );
    const to = await testStore(t);
    await to.loadBytes(archive);
    const seen = (store: TestStore): unknown =>
      store.images.list().map(({ id, tags, diffIds }) => ({ id, tags, diffIds }));
    assert.deepEqual(seen(to), seen(from));
    // One came with a manifest; the other gets one, which stays.
    const manifest = (store: TestStore): unknown => store.images.get('other').descriptor;
    assert.notEqual(manifest(to), undefined);
    assert.deepEqual(manifest(to), manifest(from));
    assert.deepEqual(await save(to, 'app', 'localhost:5000/a/b:x', 'other'), archive);
    assert.ok(from.events.includes(`save ${imageId(first)}`));
  });
}

test('the archive has what docker writes', requires('root'), async (t) => {
  const store = await testStore(t);
  await store.loadBytes(dockerArchive(first));
  await store.loadBytes(dockerArchive(second, 'gzip'));
  const archive = await save(store, 'app', 'other');
  const [one, two] = (await jsonOf(archive, 'manifest.json')) as unknown as Record<string, unknown>[];
  assert.deepEqual(one?.['RepoTags'], ['app:1', 'app:2']);
  assert.equal(one['Config'], `blobs/sha256/${imageId(first).slice(7)}`);
  const [lowest = ''] = store.images.get('app:1').diffIds;
  assert.deepEqual((one['Layers'] as string[])[0], `blobs/sha256/${lowest.slice(7)}`);
  assert.deepEqual((one['LayerSources'] as Record<string, unknown>)[lowest], {
    mediaType: 'application/vnd.oci.image.layer.v1.tar',
    digest: lowest,
    size: base.byteLength,
  });
  assert.equal(two?.['LayerSources'], undefined);
  const top = store.images.get('app:1').diffIds.at(-1)?.slice(7);
  const index: { manifests: { annotations: Record<string, string>; digest: string }[] } = await jsonOf(
    archive,
    'index.json',
  );
  assert.deepEqual(
    index.manifests.map(({ annotations }) => annotations),
    [
      ['docker.io/library/app:1', '1'],
      ['docker.io/library/app:2', '2'],
      ['docker.io/library/other:latest', 'latest'],
    ].map(([name, tag]) => ({
      'io.containerd.image.name': name,
      'org.opencontainers.image.ref.name': tag,
    })),
  );
  const repositories: Record<string, unknown> = await jsonOf(archive, 'repositories');
  assert.deepEqual(repositories['app'], { 1: top, 2: top });
  assert.deepEqual(await jsonOf(archive, 'oci-layout'), { imageLayoutVersion: '1.0.0' });
  const names = [...(await filesOf(archive)).keys()];
  assert.deepEqual(names.slice(2), names.slice(2).toSorted());
});

test('an id saves without names, also the beginning of one', requires('root'), async (t) => {
  const store = await testStore(t);
  await store.loadBytes(dockerArchive(first));
  for (const reference of [
    imageId(first),
    imageId(first).slice(7),
    imageId(first).slice(7, 19),
    imageId(first).slice(0, 19),
  ]) {
    const archive = await save(store, reference);
    const [item]: { RepoTags: unknown }[] = await jsonOf(archive, 'manifest.json');
    assert.equal(item?.RepoTags, null, reference);
    const index: { manifests: unknown[] } = await jsonOf(archive, 'index.json');
    assert.equal(index.manifests.length, 1);
  }
});

test('what is not there is said before the first byte', requires('root'), async (t) => {
  const store = await testStore(t);
  await store.loadBytes(dockerArchive(first));
  const failing = (reference: string, platform?: string): Promise<unknown> =>
    store.archives.save(store.ctx, ['app:1', reference], platform);
  await assert.rejects(failing('nosuch'), { code: 'not-found', message: 'No such image: nosuch:latest' });
  await assert.rejects(failing('app:9'), { code: 'not-found', message: 'No such image: app:9' });
  await assert.rejects(failing('UPPER'), { code: 'invalid-argument' });
  await assert.rejects(failing('app:2', 'linux/s390x'), { code: 'not-found', message: /does not match/ });
  assert.ok(await failing('app:2', 'linux'));
});

test('a layer whose blob is not kept is named before the first byte', requires('root'), async (t) => {
  const store = await testStore(t);
  await store.loadBytes(dockerArchive(first));
  const [lowest = ''] = store.images.get('app:1').diffIds;
  await rm(join(store.dataRoot, 'content/blobs/sha256', lowest.slice(7)));
  await assert.rejects(save(store, 'app'), {
    code: 'unavailable',
    message: new RegExp(`layer ${lowest} .*not kept`),
  });
});

test('a reader that goes away leaves no descriptor and no hold', requires('root'), async (t) => {
  const store = await testStore(t);
  const big = layer({ name: 'big', data: Buffer.alloc(4 << 20, 'x') });
  await store.loadBytes(dockerArchive({ layers: [big], tags: ['big:1'] }));
  const chunks = await store.archives.save(store.ctx, ['big:1'], undefined);
  const blobs = join(store.dataRoot, 'content');
  const openBlobs = (): string[] =>
    readdirSync('/proc/self/fd').flatMap((fd) => {
      try {
        return [readlinkSync(`/proc/self/fd/${fd}`)].filter((path) => path.startsWith(blobs));
      } catch {
        return [];
      }
    });
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.byteLength;
    if (bytes < 1 << 20) continue;
    assert.equal(openBlobs().length, 1);
    // Held while it is read, although its image goes.
    await store.images.remove(store.ctx, 'big:1', { force: true, users: () => [] });
    assert.equal(readdirSync(join(blobs, 'blobs/sha256')).length > 0, true);
    break;
  }
  // Closed behind the back of whoever goes away.
  await eventually('the blob is closed', async () => openBlobs().length === 0);
  assert.ok(!store.events.some((event) => event.startsWith('save')));
});

test('what is removed while it is saved is whole, and goes afterwards', requires('root'), async (t) => {
  const store = await testStore(t);
  const kept = (): number => readdirSync(join(store.dataRoot, 'content/blobs/sha256')).length;
  const abort = new AbortController();
  const endings: Record<string, (chunks: AsyncIterable<Uint8Array>) => Promise<unknown>> = {
    read: async (chunks) => assert.ok((await filesOf(await buffer(Readable.from(chunks)))).size > 5),
    'never begun': async (chunks) => chunks[Symbol.asyncIterator]().return?.(),
    'never begun by a stream': async (chunks) => Readable.from(chunks).destroy(),
    forgotten: async () => abort.abort(),
  };
  for (const [how, end] of Object.entries(endings)) {
    await store.loadBytes(dockerArchive({ ...first, tags: ['app:1'] }));
    const saving = store.archives.save(makeCtx(silentLog, abort.signal), ['app:1'], undefined);
    await store.images.remove(store.ctx, 'app:1', { force: true, users: () => [] });
    assert.ok(kept() > 0, how);
    await end(await saving);
    await eventually(`nothing is left when it is ${how}`, async () => kept() === 0);
  }
});
