import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { registryIn, startBeside } from '../lib/ctr.ts';
import { requires } from '../lib/requires.ts';

const BUSYBOX = 'docker.io/library/busybox:latest';

/** Images and content, asked of us and of a real containerd. */
describe(
  "images and content over containerd's API",
  requires('root', 'containerd', 'ctr', 'docker-client', 'docker-registry', 'unshare', 'busybox', 'overlay'),
  () => {
    test('import, list, tag, label, check, export, remove: as a real containerd has it', async (t) => {
      const { run, same, ours, theirs, daemon, bench } = await startBeside(t);
      const archive = join(bench.directory, 'busybox.tar');
      await daemon.dockerOk('save', '-o', archive, 'busybox:latest');
      await run(`images import ${archive}`);
      // What the archive has beyond the image goes, here and there at the same time.
      await run('leases create --id now');
      await run('leases rm --sync now');
      const manifest = /sha256:\w+/.exec((await ours('images', 'ls')).stdout)?.[0] ?? '';
      const layers = (await ours('snapshots', 'ls')).stdout;
      const layer = /sha256:\w+/.exec(layers)?.[0] ?? '';
      for (const command of [
        'images ls',
        `images ls name==${BUSYBOX}`,
        'images ls name==other',
        'images ls name=',
        'images check',
        `images tag ${BUSYBOX} other:1`,
        `images tag ${BUSYBOX} other:1`,
        `images tag --force ${BUSYBOX} other:1`,
        'images tag none:1 other:2',
        `images label ${BUSYBOX} a=b`,
        'images label none a=b',
        'images ls -q',
        'images rm other:1 none:1',
        'content ls',
        `content get ${manifest}`,
        `content get sha256:${'0'.repeat(64)}`,
        `content label ${manifest} kind=manifest`,
        `content label ${manifest} kind=`,
        `content ls labels.kind==manifest`,
        `content ls digest==${manifest}`,
        `content active`,
        'content prune references --dry',
        `images export ${bench.directory}/{}.tar ${BUSYBOX}`,
        'snapshots ls',
        'snapshots usage',
        'leases ls',
        `content rm ${manifest} ${manifest}`,
      ])
        await run(command);
      // Nothing leads to the rest of the image any more.
      await run('leases create --id now');
      await run('leases rm --sync now');
      await run('content ls -q');
      await run('images check');
      await daemon.kill9();
      await daemon.restart();
      await run('content ls');
      await same(['content', 'ingest', 'note'], 'a note');
      await same(['content', 'ingest', 'note'], 'a note');
      await same(['content', 'ingest', '--expected-size', '3', 'more'], 'more');
      await same(['content', 'ingest', '--expected-digest', manifest, 'more'], 'more');
      await run('content ls');
      await run(`images rm --sync ${BUSYBOX}`);
      for (const command of ['images ls', 'content ls', 'snapshots ls', 'leases ls']) await run(command);
      // What docker has of it stays.
      assert.ok((await theirs('-n', 'moby', 'snapshots', 'ls')).code === 0);
      assert.ok((await ours('-n', 'moby', 'snapshots', 'ls')).stdout.includes(layer));
      assert.equal(await daemon.dockerOk('run', '--rm', 'busybox', 'echo', 'still there'), 'still there');
    });

    test('push and pull, by a registry; a mount shows what is in the image', async (t) => {
      const { run, bench, daemon } = await startBeside(t);
      const [address, archive] = [await registryIn(bench), join(bench.directory, 'busybox.tar')];
      const [image, mount] = [`${address}/box:1`, join(bench.directory, 'm')];
      await mkdir(mount);
      await daemon.dockerOk('save', '-o', archive, 'busybox:latest');
      for (const command of [
        `images import ${archive}`,
        `images push --plain-http ${image} ${BUSYBOX}`,
        `-n two images pull --plain-http ${image}`,
        '-n two images ls',
        '-n two content ls',
        '-n two snapshots ls',
        '-n two images check',
        `-n two images pull --plain-http ${address}/none:1`,
        `-n three content fetch --plain-http ${image}`,
        '-n three content ls -q',
      ])
        await run(command);
      for (const kind of ['', '--rw ']) {
        await run(`-n two images mount ${kind}${image} ${mount}`);
        // Both are there, ours on top.
        const { stdout } = await bench.run([
          'sh',
          '-c',
          `ls ${mount}; umount ${mount}; ls ${mount}; umount ${mount}`,
        ]);
        assert.match(stdout, /^(bin\ndev\n[\s\S]*)\1$/);
        await run('-n two snapshots ls');
        await run(`-n two snapshots rm ${mount}`);
      }
      await run(`-n two images rm --sync ${image}`);
      for (const what of ['images', 'content', 'snapshots']) await run(`-n two ${what} ls`);
      // Another namespace's names hold what it has.
      await run('images check');
      await run('namespaces rm two');
    });

    test('a layer that docker has pulled is unpacked already, and goes with the last who has a name for it', async (t) => {
      const { ours, bench, daemon } = await startBeside(t);
      const address = await registryIn(bench);
      await daemon.dockerOk('tag', 'busybox', `${address}/box:1`);
      const archive = join(bench.directory, 'busybox.tar');
      await daemon.dockerOk('save', '-o', archive, 'busybox:latest');
      await ours('images', 'import', archive);
      assert.equal((await ours('images', 'push', '--plain-http', `${address}/box:1`, BUSYBOX)).code, 0);
      await ours('images', 'rm', '--sync', BUSYBOX);
      await daemon.dockerOk('rmi', `${address}/box:1`);
      await daemon.mark();
      const pulled = await ours('images', 'pull', '--plain-http', `${address}/box:1`);
      assert.equal(pulled.code, 0, pulled.stderr);
      // Names came, and no directory: the layer is the one that docker has.
      const added = await daemon.leftovers();
      assert.deepEqual(
        added.filter((thing) => /file .*snapshots/.test(thing)),
        [],
      );
      assert.ok(added.some((thing) => thing.includes('row namespaced "snapshot"')));
      await daemon.dockerOk('rmi', '-f', 'busybox');
      assert.match((await ours('images', 'check')).stdout, /complete \(2\/2\).* true/);
      await daemon.kill9();
      await daemon.restart();
      assert.match((await ours('images', 'check')).stdout, /complete \(2\/2\).* true/);
      await ours('images', 'rm', '--sync', `${address}/box:1`);
      await ours('namespaces', 'rm', 'default');
      assert.deepEqual(
        (await daemon.leftovers()).filter((thing) => !thing.startsWith('fd ')),
        [],
      );
    });
  },
);
