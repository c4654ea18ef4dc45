import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { test } from 'node:test';
import { busyboxArchive } from '../../lib/image-archives.ts';
import { testStore } from '../../lib/image-store.ts';
import { requires } from '../../lib/requires.ts';

test('the embedded image is the same each time', requires('busybox'), async () => {
  assert.deepEqual(await busyboxArchive(), await busyboxArchive());
});

test(
  'the embedded image has every applet of its binary and docker’s modes',
  requires('root', 'busybox'),
  async (t) => {
    const store = await testStore(t);
    await store.loadBytes(await busyboxArchive());
    const image = store.images.get('busybox');
    const { lower } = await store.snapshots.prepare(store.ctx, 'c', image.topChain);
    const root = lower[0] ?? '';
    const list = execFileSync('busybox', ['--list'], { encoding: 'utf8' }).trim().split('\n');
    assert.deepEqual(readdirSync(`${root}/bin`).sort(), list.sort());
    assert.deepEqual(image.config, {
      Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
      Cmd: ['sh'],
    });
    assert.equal(statSync(`${root}/tmp`).mode & 0o7777, 0o1777);
    assert.equal(statSync(`${root}/root`).mode & 0o7777, 0o700);
    assert.equal(statSync(`${root}/etc/shadow`).mode & 0o7777, 0o640);
    assert.match(readFileSync(`${root}/etc/passwd`, 'utf8'), /^nobody:x:65534:65534:/m);
  },
);
