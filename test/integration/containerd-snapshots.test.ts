import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { startBeside, type Beside } from '../lib/ctr.ts';
import { eventually } from '../lib/process.ts';
import { requires } from '../lib/requires.ts';

/** Loads busybox for both; returns the name of its layer. */
async function load({ daemon, bench, run, ours }: Beside): Promise<string> {
  const archive = join(bench.directory, 'busybox.tar');
  await daemon.dockerOk('save', '-o', archive, 'busybox:latest');
  await run(`images import ${archive}`);
  // Nothing is left to be collected later: ctr's views are no roots.
  await run('leases create --id now');
  await run('leases rm --sync now');
  return /sha256:\w+/.exec((await ours('snapshots', 'ls')).stdout)?.[0] ?? '';
}

/** Mounts a snapshot of each, runs a script in it, and takes the mount away. Both print the same. */
async function inside({ bench, ours, theirs }: Beside, key: string, script: string): Promise<string> {
  const target = join(bench.directory, 'm');
  await mkdir(target, { recursive: true });
  const [expected, actual] = await Promise.all(
    [theirs, ours].map((ask) => ask('snapshots', 'mounts', target, key)),
  );
  const outputs: string[] = [];
  for (const mount of [expected, actual]) {
    const { code, stdout, stderr } = await bench.run([
      ...['sh', '-c', `${mount?.stdout ?? ''}\n(cd ${target}; ${script}); umount ${target}`],
    ]);
    assert.equal(code, 0, stderr);
    outputs.push(stdout);
  }
  assert.equal(outputs[1], outputs[0]);
  return outputs[1] ?? '';
}

/** Snapshots and diffs, asked of us and of a real containerd. */
describe(
  "snapshots over containerd's API",
  requires('root', 'containerd', 'ctr', 'docker-client', 'unshare', 'busybox', 'overlay'),
  () => {
    test('prepare, view, commit, remove, usage and diffs are as a real containerd has them', async (t) => {
      const beside = await startBeside(t);
      const { run, daemon } = beside;
      const layer = await load(beside);
      for (const command of [
        `snapshots info ${layer}`,
        'snapshots info none',
        `snapshots prepare work ${layer}`,
        `snapshots prepare work ${layer}`,
        'snapshots prepare more none',
        'snapshots prepare more work',
        'snapshots prepare empty',
        'snapshots mounts /mnt work',
        'snapshots mounts /mnt empty',
        'snapshots mounts /mnt none',
        `snapshots mounts /mnt ${layer}`,
        `snapshots view look ${layer}`,
        'snapshots mounts /mnt look',
        'snapshots info work',
        'snapshots label work a=b',
        'snapshots label none a=b',
        'snapshots --snapshotter nothing ls',
      ])
        await run(command);
      await inside(beside, 'work', 'echo one > one; rm -r home; mkdir var/new; ls bin | head -n 3');
      for (const command of [
        'snapshots commit done work',
        'snapshots commit done work',
        'snapshots commit again look',
        `snapshots rm ${layer}`,
        'snapshots prepare next done',
        'snapshots mounts /mnt next',
        'snapshots view seen done',
        'snapshots mounts /mnt seen',
        'snapshots ls',
        'snapshots tree',
        'snapshots usage',
        'snapshots rm done',
      ])
        await run(command);
      assert.match(await inside(beside, 'seen', 'cat one; ls'), /^one\nbin\n(?!.*home)/s);
      await daemon.kill9();
      await daemon.restart();
      await inside(beside, 'next', 'cat one; echo two > two; ls -R var');
      await run('snapshots usage next');
      await run('snapshots rm next seen look empty done none');
      await run('snapshots ls');
    });

    test('a diff is a layer that both unpack alike', async (t) => {
      const beside = await startBeside(t);
      const { bench, theirs, ours } = beside;
      const layer = await load(beside);
      for (const ask of [theirs, ours]) {
        assert.equal((await ask('snapshots', 'prepare', 'work', layer)).code, 0);
        assert.equal((await ask('snapshots', 'prepare', 'first')).code, 0);
      }
      await inside(
        beside,
        'work',
        'echo one > one; rm bin/ls; rm -r var; mkdir var; echo x > var/x; chmod 4711 one',
      );
      await inside(beside, 'first', 'mkdir -p a/b; echo one > a/b/c; ln -s nowhere e');
      for (const key of ['work', 'first']) {
        const lists: string[] = [];
        for (const [name, address] of Object.entries(beside.addresses)) {
          const file = join(bench.directory, `${key}-${name}`);
          const media = 'application/vnd.oci.image.layer.v1.tar';
          const { code, stdout, stderr } = await bench.run([
            ...[
              'sh',
              '-c',
              `ctr -a ${address} snapshots diff --media-type ${media} ${key} > ${file}; tar tvf ${file}`,
            ],
          ]);
          assert.equal(code, 0, stderr);
          lists.push(stdout.replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d /g, '').replaceAll(/ +/g, ' '));
        }
        const [actual = [], expected = []] = lists.map((list) => list.split('\n').toSorted());
        // That a directory is new says containerd by a whiteout for each name that is gone, we by one for all.
        const isWhiteout = (line: string): boolean => line.includes('.wh.');
        assert.deepEqual(
          actual.filter((line) => !isWhiteout(line)),
          expected.filter((line) => !isWhiteout(line)),
        );
        const whiteouts = actual.filter(isWhiteout).map((line) => line.split(' ').at(-1));
        assert.deepEqual(whiteouts, key === 'work' ? ['bin/.wh.ls', 'var/.wh..wh..opq'] : []);
      }
    });

    test('a diff of any two snapshots leads from one to the other', async (t) => {
      const beside = await startBeside(t);
      const { bench, run, theirs, ours } = beside;
      const layer = await load(beside);
      const both = async (...words: string[]): Promise<void> => {
        for (const ask of [theirs, ours]) assert.equal((await ask('snapshots', ...words)).code, 0);
      };
      for (const key of ['one', 'two']) await both('prepare', key, layer);
      await inside(
        beside,
        'one',
        'echo 1 > same; echo 1 > file; mkdir -p a/b; echo x > a/b/c; rm -r home; ln -s x l',
      );
      await inside(
        beside,
        'two',
        'echo 1 > same; echo 22 > file; mkdir a; echo x > a/b; mkdir d; echo y > d/e; chmod 700 var; ln -s y l',
      );
      for (const [from, to] of [
        ['one', 'two'],
        ['two', 'one'],
        ['one', layer],
      ]) {
        // What is laid over the first looks as the second does: ours, and a real containerd's.
        const lists: string[] = [];
        for (const [name, address] of Object.entries(beside.addresses)) {
          const file = join(bench.directory, `diff-${name}`);
          const media = 'application/vnd.oci.image.layer.v1.tar';
          const diff = `ctr -a ${address} snapshots diff --media-type ${media} ${from} ${to} > ${file}`;
          const { code, stdout, stderr } = await bench.run(['sh', '-c', `${diff} && tar tvf ${file}`]);
          assert.equal(code, 0, stderr);
          // That of a directory says nothing; where something in one has changed, containerd names it too.
          const lines = stdout
            .split('\n')
            .filter((line) => !line.startsWith('d') && !/ (.*\/)?same$/.test(line));
          lists.push(
            lines
              .map((line) =>
                line
                  .replace(/\d{4}-\d\d-\d\d \d\d:\d\d /, '')
                  .replaceAll(/ +/g, ' ')
                  .replace(/^\S+ (.*\.wh\.)/, '$1'),
              )
              .toSorted()
              .join('\n'),
          );
        }
        assert.equal(lists[0], lists[1], `${from} ${to}`);
        assert.ok((lists[0] ?? '').length > 20);
      }
      await run('snapshots ls');
    });

    test('what a lease, a label or a snapshot holds stays, the rest goes', async (t) => {
      const beside = await startBeside(t, { busybox: false });
      const { run, ours, theirs, bench, daemon } = beside;
      const digests: string[] = [];
      for (const name of ['kept', 'leased', 'referred', 'loose']) {
        const file = join(bench.directory, name);
        await writeFile(file, name);
        const { stdout } = await bench.run(['sha256sum', file]);
        const digest = `sha256:${stdout.slice(0, 64)}`;
        digests.push(digest);
        for (const address of Object.values(beside.addresses))
          await bench.run(['sh', '-c', `ctr -a ${address} content ingest ${name} < ${file}`]);
      }
      const [kept = '', leased = '', referred = ''] = digests;
      await run('content ls');
      await run(`content label ${kept} containerd.io/gc.root=now containerd.io/gc.ref.content.0=${referred}`);
      await run('leases create --id holder');
      // ctr has no command for a lease's resources; it makes them for what is done under it.
      for (const ask of [theirs, ours]) await ask('snapshots', 'prepare', 'rooted');
      void leased;
      await run('leases create --id gone --expires 1s');
      // The removal below collects what has expired by then.
      await setTimeout(1_500);
      await run('leases rm --sync holder');
      const names = async (ask: Beside['ours']): Promise<string> => (await ask('content', 'ls', '-q')).stdout;
      for (const ask of [theirs, ours])
        await eventually(
          'only what is held is there',
          async () => (await names(ask)).split('\n').length === 3,
        );
      await run('content ls');
      await run('snapshots ls');
      await run('leases ls');
      await run(`content label ${kept} containerd.io/gc.root=`);
      await run('leases create --id again');
      await run('leases rm --sync again');
      await run('content ls');
      assert.ok(daemon.isAlive());
    });
  },
);
