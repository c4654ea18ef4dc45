import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { cgroupsLeft, listening, openBench, RUNTIME } from '../lib/dropin.ts';
import { eventually } from '../lib/process.ts';
import { requires } from '../lib/requires.ts';

/** Other engines, as Debian has them, with wherry-runtime in the place of runc. */

test('containerd, by ctr', requires('root', 'containerd', 'busybox', 'cgroup-v1'), async () => {
  await using bench = await openBench();
  const { directory, rootfs, cgroupParent } = bench;
  const socket = join(directory, 'sock');
  await writeFile(
    join(directory, 'config.toml'),
    `version = 2
root = "${directory}/root"
state = "${directory}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.btrfs"]
[grpc]
  address = "${socket}"
`,
  );
  bench.daemon(['containerd', '-c', join(directory, 'config.toml')]);
  await listening(socket);
  const ctr = (...words: string[]): ReturnType<typeof bench.run> =>
    bench.run(['ctr', '-a', socket, ...words]);
  const ours = ['--runc-binary', RUNTIME, '--runc-root', join(directory, 'runc')];

  const once = await ctr(
    'run',
    '--rm',
    '--rootfs',
    ...ours,
    '--cgroup',
    `${cgroupParent}/once`,
    rootfs,
    'once',
    '/bin/sh',
    '-c',
    'id -u; exit 4',
  );
  assert.deepEqual({ code: once.code, stdout: once.stdout }, { code: 4, stdout: '0\n' }, once.stderr);

  const started = await ctr(
    'run',
    '-d',
    '--rootfs',
    ...ours,
    '--cgroup',
    `${cgroupParent}/long`,
    '--memory-limit',
    '50000000',
    rootfs,
    'long',
    '/bin/sleep',
    '600',
  );
  assert.equal(started.code, 0, started.stderr);
  const executed = await ctr(
    'task',
    'exec',
    '--exec-id',
    'e',
    'long',
    '/bin/sh',
    '-c',
    'echo inside; exit 9',
  );
  assert.deepEqual({ code: executed.code, stdout: executed.stdout }, { code: 9, stdout: 'inside\n' });
  const limit = await readFile(`/sys/fs/cgroup/memory${cgroupParent}/long/memory.limit_in_bytes`, 'utf8');
  assert.equal(limit.trim(), '49999872');
  assert.match((await ctr('task', 'ps', 'long')).stdout, /^\d+\s/m);
  assert.match((await ctr('task', 'metrics', 'long')).stdout, /pids.current\s+1\b/);
  assert.equal((await ctr('task', 'pause', 'long')).code, 0);
  assert.match((await ctr('task', 'ls')).stdout, /long\s+\d+\s+PAUSED/);
  assert.equal((await ctr('task', 'resume', 'long')).code, 0);
  assert.equal((await ctr('task', 'kill', '-s', 'KILL', 'long')).code, 0);
  await eventually('the task has stopped', async () => /STOPPED/.test((await ctr('task', 'ls')).stdout));
  await ctr('task', 'rm', 'long');
  assert.equal((await ctr('containers', 'rm', 'long')).code, 0);
  assert.equal((await ctr('containers', 'ls', '-q')).stdout, '');

  const refused = await ctr(
    'run',
    '--rm',
    '--rootfs',
    ...ours,
    '--cgroup',
    `${cgroupParent}/no`,
    rootfs,
    'no',
    '/bin/nosuch',
  );
  assert.notEqual(refused.code, 0);
  assert.match(refused.stderr, /exec: "\/bin\/nosuch": stat \/bin\/nosuch: no such file or directory/);
  assert.deepEqual(await readdir(join(directory, 'runc/default')), []);
  assert.deepEqual(await cgroupsLeft(bench), []);
});

test(
  'dockerd, by --add-runtime',
  requires('root', 'dockerd', 'docker-client', 'busybox', 'cgroup-v1'),
  async () => {
    await using bench = await openBench();
    const { directory, rootfs, cgroupParent } = bench;
    const socket = join(directory, 'sock');
    bench.daemon([
      ...['dockerd', '--data-root', join(directory, 'root'), '--exec-root', join(directory, 'exec')],
      ...['-H', `unix://${socket}`, '--pidfile', join(directory, 'pid'), '--cgroup-parent', cgroupParent],
      ...[
        '--storage-driver',
        'overlay2',
        '--add-runtime',
        `wherry=${RUNTIME}`,
        '--default-runtime',
        'wherry',
      ],
    ]);
    await listening(socket);
    const docker = (...words: string[]): ReturnType<typeof bench.run> =>
      bench.run(['docker', '-H', `unix://${socket}`, ...words]);
    await eventually('dockerd answers', async () => (await docker('version')).code === 0, 30_000);
    const imported = await bench.run([
      'sh',
      '-c',
      `tar -C ${rootfs} -c . | docker -H unix://${socket} import - bb`,
    ]);
    assert.equal(imported.code, 0, imported.stderr);

    const once = await docker(
      'run',
      '--rm',
      '-e',
      'A=b',
      'bb',
      'sh',
      '-c',
      'echo $A; cat /etc/hostname; exit 6',
    );
    assert.equal(once.code, 6, once.stderr);
    assert.match(once.stdout, /^b\n[0-9a-f]{12}\n$/);
    const network = await docker('run', '--rm', 'bb', 'busybox', 'ip', 'addr', 'show', 'eth0');
    assert.match(network.stdout, /inet 172\.17\.0\.\d+\/16/);
    const missing = await docker('run', '--rm', 'bb', 'nosuch');
    assert.equal(missing.code, 127);

    const limits = ['--memory', '64m', '--pids-limit', '50', '--cpus', '0.5'];
    assert.equal((await docker('run', '-d', '--name', 'long', ...limits, 'bb', 'sleep', '600')).code, 0);
    const executed = await docker('exec', '-e', 'X=y', 'long', 'sh', '-c', 'echo $X; exit 9');
    assert.deepEqual({ code: executed.code, stdout: executed.stdout }, { code: 9, stdout: 'y\n' });
    assert.match((await docker('exec', '-t', 'long', 'tty')).stdout, /^\/dev\/pts\/\d+\r\n$/);
    const id = (await docker('inspect', '-f', '{{.Id}}', 'long')).stdout.trim();
    const valueOf = async (file: string): Promise<string> =>
      (await readFile(`/sys/fs/cgroup/${file.replace('@', `${cgroupParent}/${id}`)}`, 'utf8')).trim();
    assert.equal(await valueOf('memory@/memory.limit_in_bytes'), String(64 << 20));
    assert.equal(await valueOf('pids@/pids.max'), '50');
    assert.match((await docker('top', 'long')).stdout, /sleep 600/);
    assert.equal((await docker('pause', 'long')).code, 0);
    assert.equal((await docker('unpause', 'long')).code, 0);
    const updated = await docker('update', '--memory', '32m', '--memory-swap', '64m', 'long');
    assert.equal(updated.code, 0, updated.stderr);
    assert.equal(await valueOf('memory@/memory.limit_in_bytes'), String(32 << 20));
    assert.equal((await docker('kill', 'long')).code, 0);
    assert.equal((await docker('rm', '-f', 'long')).code, 0);
    assert.deepEqual(await cgroupsLeft(bench), []);
  },
);

test('podman, by --runtime', requires('root', 'podman', 'busybox', 'cgroup-v1'), async () => {
  await using bench = await openBench();
  const { directory, rootfs, cgroupParent } = bench;
  const podman = (...words: string[]): ReturnType<typeof bench.run> =>
    bench.run([
      ...['podman', '--root', join(directory, 'root'), '--runroot', join(directory, 'run')],
      ...['--tmpdir', join(directory, 'tmp'), '--cgroup-manager', 'cgroupfs', '--storage-driver', 'vfs'],
      ...['--events-backend', 'file', '--log-level', 'error', '--runtime', RUNTIME, ...words],
    ]);
  // Podman's own defaults are above the hard limits of this host, and nobody here may raise those.
  const flags = [
    ...['--network', 'none', '--cgroup-parent', cgroupParent],
    ...['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1024:1024'],
  ];
  await bench.run(['sh', '-c', `tar -C ${rootfs} -cf ${directory}/root.tar .`]);
  const imported = await podman('import', join(directory, 'root.tar'), 'bb');
  assert.equal(imported.code, 0, imported.stderr);

  const once = await podman('run', '--rm', ...flags, 'bb', 'sh', '-c', 'id -u; exit 6');
  assert.deepEqual({ code: once.code, stdout: once.stdout }, { code: 6, stdout: '0\n' }, once.stderr);

  const started = await podman(
    'run',
    '-d',
    '--name',
    'long',
    ...flags,
    '--memory',
    '64m',
    'bb',
    'sleep',
    '600',
  );
  assert.equal(started.code, 0, started.stderr);
  const executed = await podman('exec', 'long', 'sh', '-c', 'echo in; exit 9');
  assert.deepEqual({ code: executed.code, stdout: executed.stdout }, { code: 9, stdout: 'in\n' });
  assert.equal((await podman('pause', 'long')).code, 0);
  assert.equal((await podman('inspect', '-f', '{{.State.Status}}', 'long')).stdout.trim(), 'paused');
  assert.equal((await podman('unpause', 'long')).code, 0);
  assert.match((await podman('top', 'long')).stdout, /sleep 600/);
  assert.equal((await podman('kill', 'long')).code, 0);
  const removed = await podman('rm', '-f', '-t', '0', 'long');
  assert.equal(removed.code, 0, removed.stderr);
  assert.deepEqual(await cgroupsLeft(bench), []);
});
