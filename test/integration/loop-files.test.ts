import assert from 'node:assert/strict';
import { readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { startDaemon } from '../lib/daemon.ts';
import { loopFilesBelow } from '../lib/loop-devices.ts';
import { eventually } from '../lib/process.ts';
import { reboot } from '../lib/reboot.ts';
import { requires } from '../lib/requires.ts';
import { daemonSuite } from '../lib/suite.ts';

/** Sizes where the file system has no project quotas, as most hosts' has none; those with them are in project-quota.test.ts. */
const KIB = 1024;
const FILL = 'dd if=/dev/zero of=f bs=64k 2>&1; wc -c < f; df -k . | tail -n 1';

/** Of what FILL printed: bytes that went into the file, and the size that was shown. */
function filled(told: string): { readonly bytes: number; readonly shownKib: number } {
  assert.match(told, /No space left on device/);
  const [bytes = '', shown = ''] = told.trimEnd().split('\n').slice(-2);
  return { bytes: Number(bytes), shownKib: Number(shown.split(/ +/)[1]) };
}

daemonSuite(
  'sizes without project quotas',
  (daemon) => {
    const docker = (...args: string[]): Promise<string> => daemon().dockerOk(...args);
    const inside = (name: string, script: string): Promise<string> =>
      docker('exec', name, 'sh', '-c', script);
    const started = (name: string, ...flags: string[]): Promise<string> =>
      docker('run', '-d', '--name', name, ...flags, 'busybox', 'sleep', '1000');
    const released = (): Promise<unknown> =>
      eventually('no loop device', async () => (await loopFilesBelow(daemon().dataRoot)).length === 0);

    test('info says so', async () => {
      const told = JSON.parse(await docker('info', '-f', '{{json .DriverStatus}}')) as [string, string][];
      assert.deepEqual(
        told.filter(([name]) => name.endsWith('Sizes')),
        [
          ['Container Sizes', 'loop files'],
          ['Volume Sizes', 'loop files'],
        ],
      );
    });

    test('a container has as much as it was given and no more, and the host as much less as it uses', async () => {
      const script = `cd /root; ${FILL}; test -e kept || rm f; touch kept`;
      const id = await docker('create', '--storage-opt', 'size=20m', 'busybox', 'sh', '-c', script);
      const [directory = ''] = await readdir(join(daemon().dataRoot, 'snapshots/w'));
      const file = join(daemon().dataRoot, 'snapshots/w', directory, 'loop');
      const used = async (): Promise<number> => (await stat(file)).blocks * 512;
      assert.ok((await used()) < 512 * KIB);
      const { bytes, shownKib } = filled(await docker('start', '-a', id));
      assert.ok(bytes >= 20_480 * KIB && bytes < 21_000 * KIB, `${bytes}`);
      assert.ok(shownKib >= 20_480 && shownKib < 22_000, `${shownKib}`);
      await released();
      // What it removed is the host's again; not all of it, when it ends before ext4 has told of it.
      await eventually('the file has holes again', async () => (await used()) < (bytes * 3) / 4);
      assert.equal(filled(await docker('start', '-a', id)).bytes, bytes);
      assert.equal(await docker('inspect', '-s', '-f', '{{.SizeRw}}', id), String(bytes));
      assert.equal(await docker('inspect', '-f', '{{.HostConfig.StorageOpt.size}}', id), '20m');
    });

    test('what looks into a container sees what it wrote, whether it runs or not', async () => {
      await started('looked', '--storage-opt', 'size=8m');
      await inside('looked', 'echo own > /root/f; echo someone:x:77:77::/:/bin/sh >> /etc/passwd');
      for (const state of ['running', 'stopped']) {
        if (state === 'stopped') {
          await docker('stop', '-t', '0', 'looked');
          await released();
        }
        assert.match(await docker('diff', 'looked'), /^A \/root\/f$/m, state);
        assert.match(await docker('ps', '-as', '--format', '{{.Size}}'), /^[1-9]\d*.*B \(virtual/, state);
        assert.ok((await docker('export', 'looked')).includes('root/f'), state);
        assert.ok((await docker('cp', 'looked:/root/f', '-')).includes('own\n'), state);
        const image = await docker('commit', 'looked', `looked:${state}`);
        assert.equal(await docker('run', '--rm', image, 'cat', '/root/f'), 'own');
        await docker('rmi', image);
        await writeFile(join(daemon().directory, 'new'), state);
        await docker('cp', '-a', join(daemon().directory, 'new'), 'looked:/root/new');
        assert.ok((await docker('cp', 'looked:/root/new', '-')).includes(state), state);
      }
      await docker('start', 'looked');
      assert.equal(await inside('looked', 'cat /root/f /root/new'), 'own\nstopped');
      assert.equal(await docker('exec', '-u', 'someone', 'looked', 'id', '-u'), '77');
    });

    test('a volume is one file system for all who use it, and is filled, measured and copied', async () => {
      await docker('volume', 'create', '-o', 'size=10m', 'small');
      await started('one', '-v', 'small:/etc');
      await started('two', '-v', 'small:/v', '-v', 'small:/w:ro');
      assert.equal((await loopFilesBelow(daemon().dataRoot)).length, 1);
      assert.match(await inside('two', 'ls /v'), /^passwd$/m);
      await inside('one', 'echo shared > /etc/new');
      assert.equal(await inside('two', 'cat /v/new /w/new'), 'shared\nshared');
      const { bytes } = filled(await inside('two', `cd /v; ${FILL}`));
      assert.ok(bytes > 10_200 * KIB && bytes < 11_000 * KIB, `${bytes}`);
      const size = (name: string): Promise<string> =>
        docker(
          'system',
          'df',
          '-v',
          '--format',
          `{{range .Volumes}}{{if eq .Name "${name}"}}{{.Size}}{{end}}{{end}}`,
        );
      assert.match(await size('small'), /^10\.\d+MB$/);
      await docker('rm', '-f', 'one', 'two');
      await released();
      await daemon().wherryOk('volume', 'snapshot', 'small', 'copy');
      const id = await docker('create', '-v', 'copy:/v', 'busybox', 'cat', '/v/new');
      assert.ok((await docker('cp', `${id}:/v/new`, '-')).includes('shared\n'));
      assert.equal(await docker('start', '-a', id), 'shared');
      assert.equal(await size('copy'), await size('small'));
      await docker('rm', id);
      await docker('volume', 'rm', 'small', 'copy');
    });

    test('nothing is lost with the daemon, nor with the machine', async () => {
      await docker('volume', 'create', '-o', 'size=8m', 'kept');
      await started('kept', '--storage-opt', 'size=8m', '-v', 'kept:/v');
      await inside(
        'kept',
        'echo root | tee /root/f; echo volume > /v/f; echo someone:x:77:77::/:/bin/sh >> /etc/passwd',
      );
      await daemon().kill9();
      assert.equal((await loopFilesBelow(daemon().dataRoot)).length, 2);
      await daemon().restart();
      assert.equal(await docker('exec', '-u', 'someone', 'kept', 'id', '-u'), '77');
      assert.match(await docker('diff', 'kept'), /^A \/root\/f$/m);
      await inside('kept', 'sync');
      await reboot(daemon());
      await released();
      await docker('start', 'kept');
      assert.equal(await inside('kept', 'cat /root/f /v/f'), 'root\nvolume');
      await docker('rm', '-f', 'kept');
      await docker('volume', 'rm', 'kept');
    });

    test('one that removes itself leaves nothing', async () => {
      const flags = ['--rm', '--storage-opt', 'size=8m'];
      assert.equal(await docker('run', ...flags, 'busybox', 'sh', '-c', 'echo x > /f; cat /f'), 'x');
    });

    test('a size that is none is refused, and one of 0 is no limit', async () => {
      const wrong = await daemon().docker('create', '--storage-opt', 'size=lots', 'busybox');
      assert.match(wrong.stderr, /: invalid size: 'lots'$/m);
      const id = await docker('create', '--storage-opt', 'size=0', 'busybox');
      assert.equal(await docker('inspect', '-f', '{{.HostConfig.StorageOpt.size}}', id), '0');
      await docker('volume', 'create', '-o', 'size=0', 'any');
      await docker('volume', 'rm', 'any');
    });
  },
  { needs: ['loop-files'] },
);

test(
  'without mkfs.ext4, a size is refused in docker’s words, with what is missing',
  requires('root', 'docker-client', 'busybox', 'overlay', 'nftables', 'unshare', 'loop-files'),
  async (t) => {
    const daemon = await startDaemon(t, { path: '/usr/bin:/bin' });
    const refused = async (...args: string[]): Promise<string> => {
      const { code, stderr } = await daemon.docker(...args);
      assert.notEqual(code, 0, args.join(' '));
      return stderr.trim();
    };
    const why =
      '".*" is on [\\w.]+ and has no project quotas, and mkfs.ext4, which makes a file system in a file, is not in PATH, /usr/bin:/bin$';
    assert.match(
      await refused('volume', 'create', '-o', 'size=10m', 'none'),
      new RegExp(`: create none: quota size requested but no quota support: ${why}`),
    );
    assert.match(
      await refused('create', '--storage-opt', 'size=10m', 'busybox'),
      new RegExp(`: --storage-opt is supported only for overlay over xfs with 'pquota' mount option: ${why}`),
    );
    assert.deepEqual(await daemon.leftovers(), []);
  },
);
