import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { makeCtx, type Ctx } from '../../../../common/ctx.ts';
import { WherryError } from '../../../../common/errors.ts';
import { silentLog } from '../../../../common/log.ts';
import { openDatabase } from '../../../../common/sqlite.ts';
import { openCatalog } from '../../../../image/catalog.ts';
import { openRebuilt } from '../../../../image/rebuild/rebuilt.ts';
import { openRecipes } from '../../../../image/rebuild/recipes.ts';
import { openContent } from '../../../../image/content.ts';
import { sha256 } from '../../../../image/digest.ts';
import { findImage } from '../../../../image/find.ts';
import type { Image } from '../../../../image/images.ts';
import type { Descriptor } from '../../../../image/registry/contract.ts';
import { pushImage, type PushParts } from '../../../../image/push/push.ts';
import { workerPool } from '../../../../image/workers/pool.ts';
import type { Progress } from '../../../../image/transfers.ts';
import { dockerArchive, imageId, layer, ociArchive, type ImageParts } from '../../../lib/image-archives.ts';
import { testStore } from '../../../lib/image-store.ts';
import { requires } from '../../../lib/requires.ts';
import { memoryRegistry, type MemoryRegistry } from './memory-registry.ts';

const base = layer({ name: 'base', data: 'b'.repeat(3000) });
const app: ImageParts = { layers: [base, layer({ name: 'app', data: 'a' })], tags: ['r.test/a/app:1'] };

interface Options {
  readonly ctx?: Ctx;
  readonly platform?: string;
  readonly allTags?: boolean;
  readonly parts?: PushParts;
}

interface Bench {
  readonly parts: PushParts;
  readonly dataRoot: string;
  readonly registry: MemoryRegistry;
  readonly events: string[];
  readonly image: (reference: string) => Image;
  readonly push: (reference: string, options?: Options) => Promise<string[]>;
}

/** What is loaded by a store, and pushed without one: into a registry that shows what it is asked. */
async function bench(t: TestContext, ...archives: readonly Uint8Array[]): Promise<Bench> {
  const store = await testStore(t);
  for (const archive of archives) await store.loadBytes(archive);
  await store.close();
  const { dataRoot } = store;
  const db = openDatabase(join(dataRoot, 'meta.db'));
  t.after(() => db.close());
  const workers = workerPool(2);
  t.after(() => workers.close());
  const registry = memoryRegistry();
  const events: string[] = [];
  const content = await openContent(join(dataRoot, 'content'));
  const layers = { get: () => undefined, hold: () => ({ [Symbol.dispose]: () => {} }) } as never;
  const catalog = openCatalog(db, layers);
  const recipes = await openRecipes(join(content.root, 'recipes'), db);
  const parts: PushParts = {
    db,
    catalog,
    content,
    recipes,
    rebuilt: openRebuilt({ catalog, content, layers, recipes } as never),
    workers,
    collect: async () => {},
    onEvent: (action, id, name) => void events.push(`${action} ${id} ${name}`),
    client: registry,
  };
  return {
    parts,
    dataRoot,
    registry,
    events,
    image: (reference) => findImage(parts.catalog, reference),
    push: async (
      reference,
      { ctx = makeCtx(silentLog), platform, allTags = false, parts: others = parts } = {},
    ) => {
      const said: string[] = [];
      await pushImage(others, ctx, {
        request: { reference, allTags, platform, credentials: undefined },
        progress: (message) => void said.push(line(message)),
      });
      return said;
    },
  };
}

function line({ id, status, aux, progressDetail }: Progress): string {
  if (aux !== undefined) return `aux ${JSON.stringify(aux)}`;
  const bar = progressDetail?.total === undefined ? '' : ' n/m';
  return `${id === undefined ? '' : `${id}: `}${status}${bar}`;
}

const manifestOf = (registry: MemoryRegistry, name: string, reference: string) => {
  const manifest = registry.manifests.get(name)?.get(reference);
  assert.ok(manifest !== undefined, `${name}:${reference} is not there`);
  const document = JSON.parse(Buffer.from(manifest.bytes).toString()) as {
    mediaType: string;
    config: Descriptor;
    layers: Descriptor[];
  };
  return { ...manifest.descriptor, document };
};

for (const how of ['none', 'bzip2', 'xz'] as const) {
  const what = `an image without a manifest, of layers in ${how}, is pushed as schema 2 in gzip, with docker’s words`;
  test(what, requires('root'), async (t) => {
    const { dataRoot, registry, events, image, push } = await bench(t, dockerArchive(app, how));
    const said = await push('r.test/a/app:1');
    const { digest, size, document } = manifestOf(registry, 'r.test/a/app', '1');
    const ids = image('r.test/a/app:1')
      .diffIds.map((id) => id.slice(7, 19))
      .toReversed();
    const expected = [
      'The push refers to repository [r.test/a/app]',
      ...ids.map((id) => `${id}: Preparing`),
      `1: digest: ${digest} size: ${size}`,
      `aux ${JSON.stringify({ Tag: '1', Digest: digest, Size: size })}`,
    ];
    const states = said.filter((text) => !expected.includes(text));
    assert.deepEqual(
      said.filter((text) => expected.includes(text)),
      expected,
    );
    assert.deepEqual(
      states.toSorted(),
      ids.flatMap((id) => [`${id}: Pushed`, `${id}: Pushing n/m`]).toSorted(),
    );
    assert.equal(document.mediaType, 'application/vnd.docker.distribution.manifest.v2+json');
    assert.equal(document.config.digest, imageId(app));
    const blobs = registry.blobs.get('r.test/a/app');
    for (const [index, { digest: blob }] of document.layers.entries()) {
      assert.equal(sha256(gunzipSync(blobs?.get(blob) ?? '')), sha256(app.layers[index] ?? ''));
    }
    assert.deepEqual(image('r.test/a/app:1').digests, [`r.test/a/app@${digest}`]);
    assert.equal(events.at(-1), 'push r.test/a/app:1 r.test/a/app');
    assert.deepEqual(readdirSync(join(dataRoot, 'content/ingest')), []);
  });
}

test('a second push sends nothing, and has the same digest', requires('root'), async (t) => {
  const { parts, registry, image, push } = await bench(t, dockerArchive(app));
  const first = await push('r.test/a/app:1');
  registry.asked.length = 0;
  const second = await push('r.test/a/app:1');
  assert.deepEqual(registry.asked, ['put 1']);
  assert.equal(second.filter((text) => text.endsWith(': Layer already exists')).length, 2);
  assert.equal(second.at(-1), first.at(-1));
  // Made again it is the same.
  registry.blobs.clear();
  assert.equal((await push('r.test/a/app:1')).at(-1), first.at(-1));
  // And forgotten with the image.
  parts.catalog.remove(image('r.test/a/app:1').id);
  assert.deepEqual(parts.db.prepare('SELECT * FROM image_compressed').all(), []);
});

for (const how of ['gzip', 'zstd'] as const) {
  test(`a manifest of layers in ${how} goes byte by byte`, requires('root'), async (t) => {
    const annotations = { 'io.containerd.image.name': 'r.test/a/app:1' };
    const { registry, image, push } = await bench(t, ociArchive(app, { how, annotations }));
    const { descriptor } = image('r.test/a/app:1');
    await push('r.test/a/app:1');
    const { mediaType, digest, size } = manifestOf(registry, 'r.test/a/app', '1');
    assert.deepEqual({ mediaType, digest, size }, descriptor);
  });
}

test('a manifest of plain layers, which no registry has seen, is made anew', requires('root'), async (t) => {
  const { registry, push } = await bench(
    t,
    ociArchive(app, { annotations: { 'io.containerd.image.name': 'r.test/a/app:1' } }),
  );
  await push('r.test/a/app:1');
  const { document } = manifestOf(registry, 'r.test/a/app', '1');
  assert.match(document.layers[0]?.mediaType ?? '', /\.gzip$/);
});

test(
  'zstd layers without a manifest get one of OCI, which has a name for them',
  requires('root'),
  async (t) => {
    const { registry, push } = await bench(t, dockerArchive(app, 'zstd'));
    await push('r.test/a/app:1');
    const { document } = manifestOf(registry, 'r.test/a/app', '1');
    assert.equal(document.mediaType, 'application/vnd.oci.image.manifest.v1+json');
    assert.match(document.layers[0]?.mediaType ?? '', /\+zstd$/);
  },
);

test(
  'what another repository of the registry has is mounted, of another registry is not',
  requires('root'),
  async (t) => {
    const other: ImageParts = {
      layers: [base, layer({ name: 'o', data: 'o' })],
      tags: ['r.test/b/other:1', 'else.test/c:1'],
    };
    const { registry, image, push } = await bench(t, dockerArchive(app), dockerArchive(other));
    await push('r.test/a/app:1');
    registry.asked.length = 0;
    const said = await push('r.test/b/other:1');
    const id = image('r.test/b/other:1').diffIds[0]?.slice(7, 19);
    assert.ok(said.includes(`${id}: Mounted from a/app`), said.join('\n'));
    // The other layer and the configuration.
    assert.equal(registry.asked.filter((text) => text.startsWith('upload')).length, 2);
    registry.asked.length = 0;
    await push('else.test/c:1');
    assert.equal(registry.asked.filter((text) => text.startsWith('mount')).length, 0);
  },
);

test('all tags of a repository share their blobs', requires('root'), async (t) => {
  const { registry, events, push } = await bench(
    t,
    dockerArchive({ ...app, tags: ['r.test/a/app:1', 'r.test/a/app:2'] }),
  );
  const said = await push('r.test/a/app', { allTags: true });
  assert.equal(registry.asked.filter((text) => text.startsWith('upload')).length, 3);
  assert.equal(said.filter((text) => text.startsWith('aux')).length, 2);
  assert.equal(events.at(-1), 'push r.test/a/app r.test/a/app');
});

test(
  'an image with twenty layers uploads five at a time, and says who waits',
  requires('root'),
  async (t) => {
    const layers = Array.from({ length: 20 }, (_, index) => layer({ name: `f${index}`, data: `${index}` }));
    const { registry, push } = await bench(t, dockerArchive({ layers, tags: ['r.test/many:1'] }, 'gzip'));
    let running = 0;
    let most = 0;
    registry.beforeUpload = async () => {
      most = Math.max(most, (running += 1));
      await new Promise((resolve) => setTimeout(resolve, 2));
      running -= 1;
    };
    const said = await push('r.test/many:1');
    assert.equal(most, 5);
    assert.equal(said.filter((text) => text.endsWith(': Waiting')).length, 15);
    assert.equal(said.filter((text) => text.endsWith(': Pushed')).length, 20);
  },
);

test('errors have docker’s words', requires('root'), async (t) => {
  const { push } = await bench(t, dockerArchive(app));
  const cases: [reference: string, code: string, message: string | RegExp][] = [
    ['r.test/nosuch', 'not-found', 'An image does not exist locally with the tag: r.test/nosuch'],
    ['nosuch:3', 'not-found', 'An image does not exist locally with the tag: nosuch'],
    ['r.test/a/app', 'not-found', 'tag does not exist: r.test/a/app:latest'],
    [`r.test/a/app@${imageId(app)}`, 'invalid-argument', 'cannot push a digest reference'],
    ['UPPER', 'invalid-argument', /must be lowercase/],
  ];
  for (const [reference, code, message] of cases) await assert.rejects(push(reference), { code, message });
  await assert.rejects(push('r.test/a/app:1', { platform: 'linux/s390x' }), {
    code: 'not-found',
    message: /platform/,
  });
});

test('one failed upload stops the others, and the next push continues', requires('root'), async (t) => {
  const layers = Array.from({ length: 8 }, (_, index) => layer({ name: `f${index}`, data: `${index}` }));
  const { dataRoot, registry, image, push } = await bench(
    t,
    dockerArchive({ layers, tags: ['r.test/many:1'] }),
  );
  let uploads = 0;
  registry.beforeUpload = async (signal) => {
    uploads += 1;
    if (uploads === 3) throw new WherryError('unavailable', 'the registry broke');
    // The fourth and fifth end only by being cancelled.
    if (uploads > 3)
      await new Promise((_, reject) =>
        signal.addEventListener('abort', () => reject(signal.reason as Error)),
      );
  };
  await assert.rejects(push('r.test/many:1'), { code: 'unavailable', message: 'the registry broke' });
  const began = uploads;
  assert.ok(began <= 5 && !registry.asked.some((text) => text.startsWith('put')));
  assert.deepEqual(image('r.test/many:1').digests, []);
  assert.deepEqual(readdirSync(join(dataRoot, 'content/ingest')), []);
  registry.beforeUpload = async () => {};
  const sent = registry.asked.length;
  assert.ok(sent > 0);
  await push('r.test/many:1');
  // Eight layers and the configuration, each once over both pushes.
  assert.equal(registry.asked.filter((text) => text.startsWith('upload')).length, 9);
});

test('a cancelled push ends at once and leaves nothing', requires('root'), async (t) => {
  const { dataRoot, registry, events, push } = await bench(t, dockerArchive(app));
  const abort = new AbortController();
  registry.beforeUpload = (signal) => {
    setImmediate(() => abort.abort());
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
  };
  await assert.rejects(push('r.test/a/app:1', { ctx: makeCtx(silentLog, abort.signal) }), {
    code: 'canceled',
  });
  assert.deepEqual(readdirSync(join(dataRoot, 'content/ingest')), []);
  assert.ok(!events.some((event) => event.startsWith('push')));
});

test(
  'an index goes whole when all that it lists is here, and not when a part is missing',
  requires('root'),
  async (t) => {
    const beside: ImageParts = { layers: [layer({ name: 'other', data: 'arm' })], config: { Cmd: ['arm'] } };
    const annotations = { 'io.containerd.image.name': 'r.test/a/app:1' };
    const archives = [ociArchive(app, { how: 'gzip', annotations }), ociArchive(beside, { how: 'gzip' })];
    const { parts, registry, image, push } = await bench(t, ...archives);
    const manifests = [image('r.test/a/app:1'), image(imageId(beside))].map(({ descriptor }) => descriptor);
    const mediaType = 'application/vnd.oci.image.index.v1+json';
    const text = JSON.stringify({ schemaVersion: 2, mediaType, manifests });
    const digest = sha256(text);
    await writeFile(parts.content.path(digest), text);
    // As a pull records it.
    parts.db.prepare('INSERT INTO image_document VALUES (?, ?, ?)').run(imageId(app), digest, mediaType);
    const pulled = { ...parts, catalog: openCatalog(parts.db, { get: () => undefined } as never) };
    const said = await push('r.test/a/app:1', { parts: pulled });
    assert.equal(manifestOf(registry, 'r.test/a/app', '1').digest, digest);
    assert.ok(registry.manifests.get('r.test/a/app')?.has(manifests[1]?.digest ?? ''));
    assert.match(said.at(-1) ?? '', new RegExp(digest));
    await push('r.test/a/app:1', { parts: pulled, platform: 'linux' });
    assert.equal(manifestOf(registry, 'r.test/a/app', '1').digest, manifests[0]?.digest);
    const lost = parts.catalog.blobs(image(imageId(beside)).id).at(-1);
    assert.ok(lost !== undefined);
    await rm(parts.content.path(lost));
    await push('r.test/a/app:1', { parts: pulled });
    assert.equal(manifestOf(registry, 'r.test/a/app', '1').digest, manifests[0]?.digest);
  },
);

test(
  'a blob that is not kept is missed only where the registry does not have it',
  requires('root'),
  async (t) => {
    const annotations = { 'io.containerd.image.name': 'r.test/a/app:1' };
    const { parts, registry, image, push } = await bench(t, ociArchive(app, { how: 'gzip', annotations }));
    const first = await push('r.test/a/app:1');
    const top = parts.catalog.blobs(image('r.test/a/app:1').id).at(-1);
    assert.ok(top !== undefined);
    await rm(parts.content.path(top));
    assert.equal((await push('r.test/a/app:1')).at(-1), first.at(-1));
    registry.blobs.get('r.test/a/app')?.delete(top);
    await assert.rejects(push('r.test/a/app:1'), {
      code: 'unavailable',
      message: new RegExp(`${top}.*not kept`),
    });
  },
);
