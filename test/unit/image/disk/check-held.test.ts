import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, constants, existsSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Digest } from '../../../../image/digest.ts';
import { dockerArchive, imageId, layer, type ImageParts } from '../../../lib/image-archives.ts';
import { testStore, type TestStore } from '../../../lib/image-store.ts';
import { eventually } from '../../../lib/process.ts';
import { requires } from '../../../lib/requires.ts';

const layers = [layer({ name: 'file', data: 'the only layer of both' })];
const first: ImageParts = { layers, tags: ['first:1'] };
const second: ImageParts = { layers, tags: ['second:1'], config: { Cmd: ['other'] } };

const blobPath = (store: TestStore, digest: string): string =>
  join(store.dataRoot, 'content/blobs/sha256', digest.slice('sha256:'.length));

/** Puts a pipe in the place of a blob: who reads it waits. `reader` returns once somebody does. */
function pipeAt(path: string): { reader(): Promise<void>; feed(): void } {
  const bytes = readFileSync(path);
  rmSync(path);
  execFileSync('mkfifo', [path]);
  let fd: number | undefined;
  return {
    reader: async () => {
      fd = await eventually(`a reader of ${path}`, () => openedForReader(path));
    },
    feed: () => {
      if (fd === undefined) throw new Error('nobody reads');
      writeSync(fd, bytes);
      closeSync(fd);
    },
  };
}

/** Undefined as long as nobody has the pipe open for reading. */
function openedForReader(path: string): number | undefined {
  try {
    return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENXIO') return undefined;
    throw error;
  }
}

test(
  'what a check unpacks again stays for it, also when its image came after the check began and goes meanwhile',
  requires('root'),
  async (t) => {
    const store = await testStore(t);
    const { ctx } = store;
    const remove = (name: string): Promise<unknown> =>
      store.images.remove(ctx, name, { force: true, users: () => [] });
    await store.loadBytes(dockerArchive(first));
    const config = pipeAt(blobPath(store, imageId(first)));
    const checked = store.disk.check(ctx, { repair: false });
    await config.reader();
    // The check knows of the first image only. Now the layer is another's, which came with another blob.
    await store.loadBytes(dockerArchive(second, 'gzip'));
    const digest = store.disk.layers('second:1')[0]?.blob as Digest;
    await remove('first:1');
    const path = blobPath(store, digest);
    const blob = pipeAt(path);
    config.feed();
    await blob.reader();
    await remove('second:1');
    assert.equal(existsSync(path), true);
    blob.feed();
    assert.deepEqual(await checked, []);
    assert.equal(existsSync(path), false);
    const { orphans, missing, actualBytes } = await store.disk.verify(ctx);
    assert.deepEqual([orphans, missing, actualBytes], [[], [], 0]);
  },
);
