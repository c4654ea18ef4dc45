import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { rest } from '../lib/rest.ts';
import { daemonSuite } from '../lib/suite.ts';
import { startVolumePlugin, type VolumePlugin } from '../lib/volume-plugin.ts';

/** The daemon's threads have ended when they were idle for so long. */
const THREADS_GONE_MS = 4_000;
const directory = await mkdtemp('/tmp/w-copyvol-');

/** What a container has from its volumes' drivers is there for `cp` although it does not run: Debian's dockerd answers the same. */
daemonSuite(
  'copies from and to the volumes of a container that does not run',
  (daemon) => {
    let plugin: VolumePlugin | undefined;
    const at = (name: string): string => join(directory, name);
    const ok = (...args: string[]): Promise<string> => daemon().dockerOk(...args);
    const cp = (from: string, to: string): Promise<string> => ok('cp', from, to);
    const refused = async (...args: string[]): Promise<string> => {
      const { code, stderr } = await daemon().docker(...args);
      assert.notEqual(code, 0, args.join(' '));
      return stderr.trim();
    };
    const volume = (name: string, ...options: string[]): Promise<string> =>
      ok('volume', 'create', ...options.flatMap((option) => ['-o', option]), name);
    before(async () => {
      await mkdir(at('volumes'));
      plugin = await startVolumePlugin(at('cp.sock'), at('volumes'));
    });
    beforeEach(() => writeFile(at('in'), 'in\n'));
    after(async () => {
      await plugin?.[Symbol.asyncDispose]();
      await rm(directory, { recursive: true });
    });

    test('a volume that is a bind is the directory that it binds', async () => {
      await mkdir(at('bound'));
      await writeFile(at('bound/f'), 'theirs');
      await volume('bound', 'type=none', `device=${at('bound')}`, 'o=bind');
      await ok('create', '--name', 'one', '-v', 'bound:/b', 'busybox');
      await ok('create', '--name', 'reader', '-v', 'bound:/b:ro', 'busybox');
      await cp('one:/b/f', at('out'));
      assert.equal(await readFile(at('out'), 'utf8'), 'theirs');
      await cp(at('in'), 'one:/b/g');
      assert.deepEqual(await readdir(at('bound')), ['f', 'g']);
      assert.deepEqual(await readdir(join(daemon().dataRoot, 'volumes/bound/_data')), []);
      assert.match(await refused('cp', at('in'), 'reader:/b/h'), /mounted volume is marked read-only/);
      await ok('rm', 'one', 'reader');
      await ok('volume', 'rm', 'bound');
    });

    test('a tmpfs is empty each time, and the one of another container that runs', async () => {
      await volume('memory', 'type=tmpfs', 'device=tmpfs', 'o=size=1m');
      await ok('create', '--name', 'still', '-v', 'memory:/t', 'busybox');
      await cp(at('in'), 'still:/t/f');
      assert.match(await refused('cp', 'still:/t/f', at('out')), /Could not find the file/);
      const runs = ['-d', '--name', 'runs', '-v', 'memory:/other', 'busybox', 'sleep', '1000'];
      await ok('run', ...runs);
      // By a thread that has done nothing yet: not all that it uses was loaded when it went into the container's mounts. docker cp asks
      // this too, and overlooks a failure.
      await sleep(THREADS_GONE_MS);
      const { status, text } = await rest(daemon().socket, 'HEAD', {
        path: '/containers/still/archive?path=/t',
      });
      assert.equal(status, 200, text);
      await cp(at('in'), 'still:/t/f');
      assert.equal(await ok('exec', 'runs', 'cat', '/other/f'), 'in');
      await ok('exec', 'runs', 'sh', '-c', 'echo more >> /other/f');
      await cp('still:/t/f', at('out'));
      assert.equal(await readFile(at('out'), 'utf8'), 'in\nmore\n');
      assert.match(await refused('cp', '/bin/busybox', 'still:/t/big'), /no space left on device/i);
      await ok('rm', '-f', 'still', 'runs');
      await ok('volume', 'rm', 'memory');
    });

    test('a part of a volume, and an image', async () => {
      await volume('parts');
      const data = join(daemon().dataRoot, 'volumes/parts/_data');
      await mkdir(join(data, 'a'));
      await writeFile(join(data, 'a/f'), 'part');
      const mounts = ['src=parts,dst=/p,volume-subpath=a', 'type=image,src=busybox,dst=/i,image-subpath=bin'];
      await ok('create', '--name', 'one', ...mounts.flatMap((mount) => ['--mount', mount]), 'busybox');
      await cp('one:/p/f', at('out'));
      assert.equal(await readFile(at('out'), 'utf8'), 'part');
      await cp(at('in'), 'one:/p/g');
      assert.deepEqual((await readdir(join(data, 'a'))).toSorted(), ['f', 'g']);
      await cp('one:/i/busybox', at('out'));
      assert.deepEqual(await readFile(at('out')), await readFile('/bin/busybox'));
      await rm(join(data, 'a'), { recursive: true });
      await symlink(directory, join(data, 'a'));
      assert.match(await refused('cp', 'one:/p/in', at('out')), /cannot access path .*\/_data\/a: /);
      await ok('rm', 'one');
      await ok('volume', 'rm', 'parts');
    });

    test('a plugin is asked to mount, and let go, with every outcome', async () => {
      await ok('volume', 'create', '-d', 'cp', 'remote');
      await ok('create', '--name', 'one', '-v', 'remote:/r', 'busybox');
      await cp(at('in'), 'one:/r/f');
      assert.equal(await readFile(at('volumes/remote/f'), 'utf8'), 'in\n');
      await cp('one:/r/f', at('out'));
      await refused('cp', 'one:/r/none', at('out'));
      assert.deepEqual([...(plugin?.mounted.get('remote') ?? ['?'])], []);
      plugin?.refuse.set('VolumeDriver.Mount', 'not today');
      assert.match(await refused('cp', 'one:/r/f', at('out')), /not today/);
      plugin?.refuse.clear();
      await ok('rm', 'one');
      await ok('volume', 'rm', 'remote');
    });

    test('what cannot be mounted is told as by a start', async () => {
      await volume('bad', 'type=nosuchfs', 'device=/nope');
      await ok('create', '--name', 'one', '-v', 'bad:/t:nocopy', 'busybox');
      const text =
        /error while mounting volume '.*\/bad\/_data': failed to mount local volume: mount \/nope:.*: no such device/;
      assert.match(await refused('cp', 'one:/etc/passwd', at('out')), text);
      assert.match(await refused('cp', at('in'), 'one:/etc/x'), text);
      assert.match(await refused('start', 'one'), text);
      await ok('rm', 'one');
      await ok('volume', 'rm', 'bad');
    });
  },
  { args: ['--plugin-dir', directory] },
);
