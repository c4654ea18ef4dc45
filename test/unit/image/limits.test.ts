import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, test, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { makeCtx } from '../../../common/ctx.ts';
import { silentLog } from '../../../common/log.ts';
import { openDatabase } from '../../../common/sqlite.ts';
import { openImageStore, type ImageStore } from '../../../image/store.ts';
import { UNPACK_LIMITS, type UnpackLimits } from '../../../image/workers/limits.ts';
import { dockerArchive, layer } from '../../lib/image-archives.ts';
import { putContent } from '../../lib/image-store.ts';
import { requires } from '../../lib/requires.ts';

const MB = 2 ** 20;
const ctx = makeCtx(silentLog);
const zeros = layer({ name: 'zeros', data: Buffer.alloc(12 * MB) });
const IMPORT = { reference: undefined, message: '', changes: [], platform: undefined };

async function storeWith(
  t: TestContext,
  limits: Partial<UnpackLimits>,
): Promise<{ readonly root: string; readonly store: ImageStore }> {
  const root = await mkdtemp(join(tmpdir(), 'limits-'));
  const db = openDatabase(join(root, 'meta.db'));
  const unpackLimits = { ...UNPACK_LIMITS, reserveBytes: 0, ...limits };
  const store = await openImageStore({ dataRoot: root, db, log: silentLog, unpackLimits });
  t.after(async () => {
    await store.close();
    db.close();
    await rm(root, { recursive: true, force: true });
  });
  return { root, store };
}

const load = (store: ImageStore, archive: Uint8Array): Promise<readonly unknown[]> =>
  store.images.load(ctx, Readable.from([archive]), () => {});

async function nothingIsLeft({ root, store }: Awaited<ReturnType<typeof storeWith>>): Promise<void> {
  assert.deepEqual(store.images.list(), []);
  for (const path of ['content/blobs/sha256', 'content/ingest', 'content/partial', 'snapshots/l'])
    assert.deepEqual(readdirSync(join(root, path)), [], path);
  assert.deepEqual((await store.disk.verify(ctx)).orphans, []);
}

describe('an archive that unpacks to much more than it is', requires('root'), () => {
  const BOMB = /^invalid archive: \d+ bytes of it unpack to more than \d+, .*"image-max-ratio" is 10$/;
  const tight = { ratio: 10, floorBytes: MB };

  for (const how of ['gzip', 'zstd', 'bzip2', 'xz'] as const) {
    test(`a layer in ${how} is refused, and leaves nothing`, async (t) => {
      const at = await storeWith(t, tight);
      await assert.rejects(load(at.store, dockerArchive({ layers: [zeros] }, how)), {
        code: 'invalid-argument',
        message: BOMB,
      });
      await nothingIsLeft(at);
    });
  }

  test('an archive that is compressed itself, and one to import, too', async (t) => {
    const at = await storeWith(t, tight);
    await assert.rejects(load(at.store, gzipSync(dockerArchive({ layers: [zeros] }))), { message: BOMB });
    const archive = Readable.from([gzipSync(zeros)]);
    await assert.rejects(at.store.archives.importRoot(ctx, archive, IMPORT), { message: BOMB });
    await nothingIsLeft(at);
  });

  test("a checkpoint of containerd's, which should not be compressed at all", async (t) => {
    const { root, store } = await storeWith(t, tight);
    const { checkpoints } = store.namespaced;
    const digest = await putContent(store, 'n', gzipSync(zeros));
    const target = join(root, 'unpacked');
    await assert.rejects(checkpoints.unpack(ctx, 'n', { digest, target }), {
      code: 'invalid-argument',
      message: /unpack to more than \d+, .*"image-max-ratio" is 10/,
    });
    assert.ok(!existsSync(target));
  });

  test('what is small, what is not compressed, and what is allowed comes in', async (t) => {
    for (const [limits, how] of [
      [{ ratio: 10, floorBytes: 20 * MB }, 'gzip'],
      [tight, 'none'],
      [{ ratio: 0, floorBytes: 0 }, 'gzip'],
      [{ ratio: 2_000, floorBytes: 0 }, 'gzip'],
    ] as const) {
      const { store } = await storeWith(t, limits);
      assert.equal((await load(store, dockerArchive({ layers: [zeros] }, how))).length, 1);
    }
  });
});
