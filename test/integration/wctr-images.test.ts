import assert from 'node:assert/strict';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { startRegistry } from '../lib/registry.ts';
import { requires } from '../lib/requires.ts';
import { IMAGE, PAIRS } from '../lib/wctr.ts';

const NEEDS = requires('root', 'containerd', 'ctr', 'unshare', 'busybox', 'docker-registry');

for (const [daemon, start] of Object.entries(PAIRS))
  /** Images move between archives, registries, mounts and daemons, and ctr finds them as it would have made them. */
  describe(`wctr's images, against ${daemon}`, NEEDS, () => {
    test('what one client exports or imports, the other has byte for byte', async (t) => {
      const { same, ctr, wctr, archive, bench } = await start(t);
      await same(`images import ${archive}`);
      const [theirs, ours] = [join(bench.directory, 'theirs.tar'), join(bench.directory, 'ours.tar')];
      assert.equal((await ctr('images', 'export', theirs, IMAGE)).code, 0);
      assert.equal((await wctr('images', 'export', ours, IMAGE)).code, 0);
      for (const name of ['index.json', 'manifest.json', 'oci-layout']) {
        const [expected, actual] = await Promise.all(
          [theirs, ours].map((path) => bench.run(['tar', 'xOf', path, name])),
        );
        assert.equal(actual?.stdout, expected?.stdout, name);
      }
      await same(`images rm --sync ${IMAGE}`);
      // Each reads what the other wrote.
      assert.equal((await ctr('images', 'import', ours)).code, 0);
      assert.equal((await wctr('images', 'import', theirs)).code, 0);
      await same('images ls');
      await same('images check');
      await same(`run --rm ${IMAGE} c1 echo there`);
      await same(`images import --digests --base-name other/name ${theirs}`);
      await same('images ls -q');
      for (const command of ['images export', 'images import /none', 'images mount', 'images push']) {
        const { code } = await wctr(...command.split(' '));
        assert.equal(code, 1, command);
      }
    });

    test('pushed to a registry and pulled from it, by a registry that wants a password too', async (t) => {
      const { same, ctr, wctr, archive, bench } = await start(t);
      await same(`images import ${archive}`);
      const { host } = await startRegistry(t, { auth: 'password', netnsPid: bench.pid });
      const name = `${host}/box:1`;
      await wctr('images', 'tag', IMAGE, name);
      const refused = await wctr('images', 'push', '--plain-http', name);
      assert.equal(refused.code, 1);
      assert.match(refused.stderr, /^wctr: /);
      const pushed = await wctr('images', 'push', '--plain-http', '-u', 'user:secret', name);
      assert.equal(pushed.code, 0, pushed.stderr);
      assert.match(pushed.stdout, /^manifest-sha256:[0-9a-f]{64}: done$/m);
      await wctr('images', 'rm', '--sync', name, IMAGE);
      for (const client of [ctr, wctr]) {
        const pulled = await client('images', 'pull', '--plain-http', '-u', 'user:secret', name);
        assert.equal(pulled.code, 0, pulled.stderr);
      }
      await same(`images ls name==${name}`);
      await same(`run --rm ${name} c1 echo pulled`);
      assert.equal(
        (await wctr('images', 'pull', '--plain-http', '-u', 'user:secret', `${host}/box:none`)).code,
        1,
      );
      assert.match(
        (await wctr('images', 'pull', `${host}/box`)).stderr,
        /failed to resolve reference ".*": object required/,
      );
    });

    test('an image is mounted, written to, and unmounted', async (t) => {
      const { same, wctr, archive, bench } = await start(t);
      await same(`images import ${archive}`);
      const target = join(bench.directory, 'mounted');
      await mkdir(target);
      assert.equal((await wctr('images', 'mount', '--rw', IMAGE, target)).code, 0);
      const touched = await bench.run(['sh', '-c', `ls ${target} && touch ${target}/new`]);
      assert.match(touched.stdout, /^bin$/m);
      assert.equal(touched.code, 0);
      assert.match(
        (await wctr('snapshots', 'ls')).stdout,
        new RegExp(`^${target} +sha256:[0-9a-f]+ +Active`, 'm'),
      );
      assert.equal((await wctr('images', 'unmount', '--rm', target)).stdout, `${target}\n`);
      assert.doesNotMatch((await wctr('snapshots', 'ls')).stdout, /mounted/);
      assert.deepEqual(await readdir(target), []);
    });
  });
