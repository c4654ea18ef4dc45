import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { requires } from '../lib/requires.ts';
import { IMAGE, PAIRS, type Pair } from '../lib/wctr.ts';

const NEEDS = requires('root', 'containerd', 'ctr', 'unshare', 'busybox', 'overlay');

const digestIn = (text: string): string => /sha256:\w+/.exec(text)?.[0] ?? '';

/** Runs a script in a snapshot of each. */
async function inside({ bench, ctr, wctr }: Pair, key: string, script: string): Promise<void> {
  const target = join(bench.directory, 'm');
  await mkdir(target, { recursive: true });
  for (const client of [ctr, wctr]) {
    const { stdout } = await client('snapshots', 'mounts', target, key);
    const { code, stderr } = await bench.run([
      'sh',
      '-c',
      `set -e; ${stdout}\n(cd ${target}; ${script}); umount ${target}`,
    ]);
    assert.equal(code, 0, stderr);
  }
}

for (const [daemon, start] of Object.entries(PAIRS)) {
  describe(`wctr's content and snapshots beside ctr's, against ${daemon}`, NEEDS, () => {
    test('content comes in, is checked, read, labelled and goes', async (t) => {
      const { same, bench } = await start(t);
      const editor = join(bench.directory, 'editor');
      await writeFile(editor, '#!/bin/sh\necho a word > "$1"\n', { mode: 0o755 });
      const note = 'sha256:1fb3c7ce1ca95a6ecf4ab0ddbe0ad5ec3c0f0d8ae6a53c3d0c2bdd4e3fb6c2ef';
      await same('content ingest note', 'a note');
      await same('content ingest --expected-size 3 more', 'more');
      await same('content active');
      await same(`content ingest --expected-digest ${note} other`, 'more');
      await same('content ingest');
      await same('content ingest note', 'a note');
      const digest = digestIn((await same('content ls -q')).stdout);
      for (const command of [
        // Nothing else leads to it.
        `content label ${digest} containerd.io/gc.root=now`,
        `content get ${digest}`,
        'content get',
        `content label ${digest} a=b`,
        `content label ${digest}`,
        'content label',
        'content ls labels.a==b',
        'content ls -q labels.a==c',
        `content label ${digest} a=`,
        'content ls',
        `content edit --editor ${editor} ${digest}`,
        `content edit --editor ${editor} none`,
        `content edit --editor ${editor} ${note}`,
        `content rm ${digest} ${note}`,
        'content rm x',
        'content ls',
      ])
        await same(command);
    });

    test('snapshots are made, looked at, taken apart and put together', async (t) => {
      const pair = await start(t);
      const { same, archive, bench, ctr, wctr } = pair;
      await same(`images import ${archive}`);
      // Nothing is left to be collected later: ctr's views are no roots.
      await same('leases create --id now');
      await same('leases rm --sync now');
      const layer = digestIn((await same('snapshots ls')).stdout);
      for (const command of [
        `snapshots info ${layer}`,
        `snapshots prepare work ${layer}`,
        `snapshots prepare work ${layer}`,
        'snapshots prepare more none',
        `snapshots prepare --target /mnt mounted ${layer}`,
        `snapshots view look ${layer}`,
        'snapshots rm look',
        'snapshots label work a=b',
        'snapshots info none',
        'snapshots diff none',
        'snapshots mounts /mnt none',
      ])
        await same(command);
      await inside(pair, 'work', 'echo one > one; rm -r home; mkdir var/new; chmod 4711 one');
      for (const command of [
        'snapshots usage work',
        'snapshots usage -b work',
        'snapshots commit done work',
        'snapshots prepare next done',
        'snapshots ls',
        'snapshots tree',
        'snapshots rm done',
      ])
        await same(command);
      const lists: string[] = [];
      for (const [index, client] of [ctr, wctr].entries()) {
        for (const words of [
          'done',
          `${layer} done`,
          '--media-type application/vnd.oci.image.layer.v1.tar done',
        ]) {
          const file = join(bench.directory, `diff-${index}`);
          const { code, stdout, stderr } = await bench.run([
            'sh',
            '-c',
            `${client.words} snapshots diff ${words} > ${file} && tar tvf ${file}`,
          ]);
          assert.equal(code, 0, stderr);
          assert.match(stdout, /-rws--x--x.* one\n/);
          lists.push(stdout);
        }
      }
      assert.deepEqual(lists.slice(3), lists.slice(0, 3));
      // What was only needed on the way goes.
      await same('leases create --id now');
      await same('leases rm --sync now');
      await same('content ls -q');
      await same('snapshots rm next done mounted');
      // An image's manifest is unpacked by itself.
      const manifest = digestIn((await same('images ls')).stdout);
      await same(`snapshots rm ${layer}`);
      await same('snapshots ls');
      await same(`snapshots unpack ${manifest}`);
      await same(`snapshots unpack ${manifest}`);
      await same('snapshots unpack none');
      await same(`snapshots unpack sha256:${'0'.repeat(64)}`);
      await same('snapshots ls');
      // Layers go, what they were unpacked to stays.
      await same('content prune references');
      await same('content ls');
      await same('images check');
      await same(`run --rm ${IMAGE} c1 echo still there`);
    });
  });
}
