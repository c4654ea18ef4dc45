import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { CHECKPOINT, CHECKPOINT_CONFIG } from '../../../image/checkpoint-types.ts';
import { sha256, type Digest } from '../../../image/digest.ts';
import { putContent, testStore, type TestStore } from '../../lib/image-store.ts';
import { requires } from '../../lib/requires.ts';
import { tarball } from '../../lib/tarball.ts';

const namespace = 'n';
const CONFIG = Buffer.from('a specification');
const GOOD = tarball([{ name: 'pages-1.img', data: 'memory' }]);

/** An empty directory for what is unpacked. */
async function place({ dataRoot }: TestStore): Promise<string> {
  const directory = join(dataRoot, 'place');
  await mkdir(directory, { recursive: true });
  return directory;
}

const file = (name: string): Buffer => tarball([{ name: 'inventory.img' }, { name, data: 'x' }]);
const odd = (type: string, linkName = ''): Buffer =>
  tarball([{ name: 'x' }, { name: 'parent', type, linkName }]);

const BAD: Readonly<Record<string, Buffer>> = {
  'a file above': file('../evil'),
  'a file far above': file('a/../../../../evil'),
  'a file in a directory': file('directory/x'),
  'a directory': tarball([{ name: 'directory/' }]),
  'a symbolic link': odd('2', '../other'),
  'a hard link': odd('1', 'x'),
  'a fifo': odd('6'),
  'a device': odd('3'),
  'a whiteout': file('.wh.x'),
  'an opaque directory': file('.wh..wh..opq'),
  'a name of AUFS': file('.wh..wh.x'),
  'a file as the root': tarball([{ name: '.' }]),
  'a file that is cut off': tarball([{ name: 'x', data: 'x', size: 10 ** 9 }]),
  'something else': Buffer.alloc(4096, 'no archive'),
  'a good one, compressed': gzipSync(GOOD),
};

describe('checkpoints as content', requires('root'), () => {
  test('a directory and a specification come in, are held by a lease, and come out', async (t) => {
    const store = await testStore(t);
    const { namespaced, ctx } = store;
    const { checkpoints, content, leases } = namespaced;
    const directory = join(store.dataRoot, 'images');
    await mkdir(directory);
    const files = { 'inventory.img': 'CRIU', 'pages-1.img': 'p'.repeat(100_000), 'descriptors.json': '[]' };
    for (const [name, data] of Object.entries(files)) await writeFile(join(directory, name), data);
    leases.create(namespace, 'l', {});
    const save = () => checkpoints.save(ctx, { namespace, lease: 'l' }, { directory, config: CONFIG });
    const made = await save();
    assert.deepEqual(await save(), made);
    assert.deepEqual(
      made.map(({ mediaType }) => mediaType),
      [CHECKPOINT, CHECKPOINT_CONFIG],
    );
    assert.equal(made[1]?.digest, sha256(CONFIG));
    await namespaced.collect();
    for (const { digest, size } of made)
      assert.equal(content.info(namespace, digest as Digest).sizeBytes, size);

    const target = join(await place(store), 'target');
    const digest = made[0]?.digest as Digest;
    await checkpoints.unpack(ctx, namespace, { digest, target });
    for (const [name, data] of Object.entries(files))
      assert.equal(await readFile(join(target, name), 'utf8'), data);
    assert.equal((await readdir(target)).length, 3);

    leases.delete(namespace, 'l');
    await namespaced.collect();
    assert.deepEqual(content.list(namespace), []);
    await assert.rejects(checkpoints.unpack(ctx, namespace, { digest, target: `${target}2` }), {
      code: 'not-found',
      message: `content digest ${digest}: not found`,
    });
    assert.deepEqual(await readdir(join(store.dataRoot, 'content/ingest')), []);
  });

  test('no archive brings anything but files in its root', async (t) => {
    const store = await testStore(t);
    const parent = await place(store);
    for (const [name, bytes] of Object.entries({ 'a good one': GOOD, ...BAD })) {
      const digest = await putContent(store, namespace, bytes);
      const target = join(parent, 'target');
      const unpacked = store.namespaced.checkpoints.unpack(store.ctx, namespace, { digest, target });
      if (bytes === GOOD) {
        await unpacked;
        assert.deepEqual(await readdir(target), ['pages-1.img']);
        await rm(target, { recursive: true });
        continue;
      }
      await assert.rejects(unpacked, { code: 'invalid-argument', message: /^checkpoint sha256:/ }, name);
      assert.deepEqual(await readdir(parent), [], name);
    }
    assert.ok(!(await readdir(store.dataRoot)).includes('evil'));
  });
});
