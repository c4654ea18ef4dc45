import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startDaemon, type Daemon } from '../lib/daemon.ts';
import { OTHER_RUNTIMES } from '../lib/other-runtimes.ts';
import { eventually } from '../lib/process.ts';
import { requires } from '../lib/requires.ts';

const NEEDS = requires('root', 'docker-client', 'busybox', 'nftables', 'overlay', 'unshare');
const FAILS = '#!/bin/sh\necho "it is broken" >&2\nexit 3\n';

describe('other runtimes', NEEDS, () => {
  let directory = '';
  let daemon: Daemon;
  before(async () => {
    directory = await mkdtemp('/tmp/w-runtimes-');
    await writeFile(join(directory, 'fails'), FAILS);
    await chmod(join(directory, 'fails'), 0o755);
    const runtimes = {
      ...OTHER_RUNTIMES,
      fails: { path: join(directory, 'fails') },
      nowhere: { path: '/no/such/runtime' },
      unfound: { path: 'no-such-runtime' },
    };
    await configure({ runtimes });
    daemon = await startDaemon(undefined, { args: ['--config-file', join(directory, 'daemon.json')] });
  });
  after(async () => {
    await daemon[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });
  const configure = (config: object): Promise<void> =>
    writeFile(join(directory, 'daemon.json'), JSON.stringify(config));
  const by = (runtime: string, ...args: string[]): string[] => ['run', '--runtime', runtime, ...args];
  /** Removes everything: nothing of it may be left. */
  const isClean = async (): Promise<void> => {
    const ids = await daemon.dockerOk('ps', '-aq');
    if (ids !== '') await daemon.dockerOk('rm', '-f', ...ids.split('\n'));
    assert.deepEqual(await daemon.leftovers(), []);
  };

  for (const runtime of Object.keys(OTHER_RUNTIMES)) {
    test(`${runtime}: output, exit code, address, environment and files of a container`, async () => {
      const script = 'echo out; echo err >&2; hostname; ip addr show eth0; cat /etc/hosts; id -u; exit 7';
      const flags = ['--rm', '--name', 'one', '--hostname', 'here', '-u', '1000'];
      const ran = await daemon.docker(...by(runtime, ...flags, 'busybox', 'sh', '-c', script));
      assert.equal(ran.code, 7, ran.stderr);
      assert.equal(ran.stderr, 'err\n');
      assert.match(ran.stdout, /^out\nhere\n16: eth0@[^]* inet 172\.17\.0\.[^]*\there\n1000\n$/);
      await isClean();
    });

    test(`${runtime}: exec with a terminal, as somebody, over a restart of the daemon, and stop`, async () => {
      const script = 'trap "exit 3" TERM; while :; do sleep 0.05; done';
      const id = await daemon.dockerOk(...by(runtime, '-d', 'busybox', 'sh', '-c', script));
      const { stdout } = await daemon.docker('exec', '-u', '1000', id, 'sh', '-c', 'id -u; hostname');
      assert.equal(stdout, `1000\n${id.slice(0, 12)}\n`);
      await daemon.kill9();
      await daemon.restart();
      assert.equal((await daemon.dockerOk('exec', '-t', id, 'tty')).trim(), '/dev/pts/0');
      assert.equal((await daemon.docker('exec', id, 'sh', '-c', 'exit 9')).code, 9);
      await daemon.dockerOk('stop', '-t', '100', id);
      assert.equal(await daemon.dockerOk('inspect', '-f', '{{.State.ExitCode}}', id), '3');
      await daemon.dockerOk('rm', id);
    });

    test(`${runtime}: what can not be run, in docker's codes and the runtime's words`, async () => {
      const missing = await daemon.docker(...by(runtime, '--name', 'one', 'busybox', 'no-such-program'));
      assert.match(missing.stderr, /OCI runtime create failed: .*no-such-program/);
      assert.equal(await daemon.dockerOk('inspect', '-f', '{{.State.ExitCode}}', 'one'), '127');
      // Docker's client looks for Go's words, which crun does not have.
      const isGo = runtime !== 'crun';
      assert.equal(missing.code, isGo ? 127 : 125, missing.stderr);
      const directories = await daemon.docker(...by(runtime, '--rm', 'busybox', '/etc'));
      assert.equal(directories.code, isGo ? 126 : 125, directories.stderr);
      await isClean();
    });
  }

  test('inspect and info name them; the names of our own stay ours unless configured', async () => {
    const id = await daemon.dockerOk('create', '--runtime', 'ours', 'busybox', 'true');
    assert.equal(await daemon.dockerOk('inspect', '-f', '{{.HostConfig.Runtime}}', id), 'ours');
    const info = JSON.parse(await daemon.dockerOk('info', '-f', '{{json .Runtimes}}'));
    assert.equal(info.crun.path, '/usr/bin/unshare');
    assert.deepEqual(info.crun.runtimeArgs, OTHER_RUNTIMES.crun.runtimeArgs);
    assert.equal(info.runc.path, 'runc');
    assert.equal(await daemon.dockerOk(...by('wherry', '--rm', 'busybox', 'echo', 'own')), 'own');
    await isClean();
  });

  test('a name that nobody has, a path and a shim are refused', async () => {
    for (const name of ['nobody', '/usr/bin/crun', 'io.containerd.kata.v2']) {
      const { code, stderr } = await daemon.docker('create', '--runtime', name, 'busybox');
      assert.equal(code, 1);
      assert.match(stderr, new RegExp(`unknown or invalid runtime name: ${name}\n`));
    }
    await isClean();
  });

  test('a runtime that fails, and one that is not there', async () => {
    const cases = [
      [
        'fails',
        125,
        /OCI runtime create failed: unable to retrieve OCI runtime error \(open .*log\.json: no/,
      ],
      ['nowhere', 127, /fork\/exec \/no\/such\/runtime: no such file or directory: unknown/],
      ['unfound', 127, /exec: "no-such-runtime": executable file not found in \$PATH/],
    ] as const;
    for (const [runtime, code, text] of cases) {
      const ran = await daemon.docker(...by(runtime, '--name', runtime, 'busybox', 'true'));
      // Docker's client knows the codes by the text.
      assert.equal(ran.code, code === 125 && ran.stderr.includes('no such file') ? 127 : code, ran.stderr);
      assert.match(ran.stderr, text);
      assert.equal(await daemon.dockerOk('inspect', '-f', '{{.State.Status}}', runtime), 'created');
    }
    assert.match(await daemon.dockerOk('logs', 'fails').catch(String), /^$|it is broken/);
    await isClean();
  });

  for (const runtime of Object.keys(OTHER_RUNTIMES)) {
    test(`${runtime}: parts of volumes, another's ipc namespace, a file, --init and a tmpfs`, async () => {
      const ipc = ['--ipc', 'shareable', '--name', 'donor', '-d', 'busybox'];
      await daemon.dockerOk('run', ...ipc, 'sh', '-c', 'echo seen > /dev/shm/f; sleep 1000');
      await daemon.dockerOk(
        'run',
        '--rm',
        '-v',
        'data:/v',
        'busybox',
        'sh',
        '-c',
        'mkdir /v/a; echo 1 > /v/a/b',
      );
      await writeFile(join(directory, 'file'), 'of the host\n');
      const mounts = [
        'volume,src=data,dst=/part,volume-subpath=a',
        'volume,src=data,dst=/one,volume-subpath=a/b',
      ];
      const flags = mounts.flatMap((mount) => ['--mount', `type=${mount}`]);
      const more = [
        '-v',
        `${directory}/file:/file:ro`,
        '--init',
        '--tmpfs',
        '/t',
        '--ipc',
        'container:donor',
      ];
      await eventually('the donor has written', async () =>
        (await daemon.docker('exec', 'donor', 'cat', '/dev/shm/f')).stdout.includes('seen'),
      );
      const script = 'cat /part/b /one /file /dev/shm/f; touch /t/f; cut -d "" -f 1 /proc/1/comm';
      const out = await daemon.dockerOk(
        ...by(runtime, '--rm', ...flags, ...more, 'busybox', 'sh', '-c', script),
      );
      assert.equal(out, '1\n1\nof the host\nseen\ndocker-init');
      await daemon.dockerOk('rm', '-f', 'donor');
      await daemon.dockerOk('volume', 'rm', 'data');
      await isClean();
    });
  }

  test('a reload brings others, and another default; who has one keeps it', async () => {
    const id = await daemon.dockerOk('create', '--runtime', 'crun', 'busybox', 'true');
    const { crun: _crun, ...rest } = OTHER_RUNTIMES;
    await configure({ runtimes: { ...rest, later: rest.ours }, 'default-runtime': 'later' });
    process.kill(daemon.pid, 'SIGHUP');
    await eventually('the default is another', async () =>
      (await daemon.dockerOk('info', '-f', '{{.DefaultRuntime}}')).includes('later'),
    );
    const made = await daemon.dockerOk('run', '-d', 'busybox', 'sleep', '1000');
    assert.equal(await daemon.dockerOk('inspect', '-f', '{{.HostConfig.Runtime}}', made), 'later');
    const bundle = join(daemon.execRoot, 'shims', made, 'bundle');
    assert.ok(existsSync(join(bundle, 'config.json')));
    assert.match(await readFile(join(bundle, 'runtime.json'), 'utf8'), /wherry-runtime/);
    assert.deepEqual(await readdir(join(bundle, 'state')), [made]);
    const { stderr } = await daemon.docker('start', id);
    assert.match(stderr, /unknown or invalid runtime name: crun/);
    await isClean();
  });
});
