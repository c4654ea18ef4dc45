import assert from 'node:assert/strict';
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { exec } from '../lib/process.ts';
import { requires } from '../lib/requires.ts';
import { daemonSuite } from '../lib/suite.ts';

/** What compose 1.29 does with a volume, by the library that it uses. */
const PYTHON = `
import docker, sys
client = docker.DockerClient(base_url=sys.argv[1])
volume = client.volumes.create('pv', driver='local', driver_opts={'type': 'tmpfs', 'device': 'tmpfs', 'o': 'size=1m'},
                               labels={'com.docker.compose.volume': 'pv'})
assert client.volumes.get('pv').attrs['Options'] == {'type': 'tmpfs', 'device': 'tmpfs', 'o': 'size=1m'}
assert [v.name for v in client.volumes.list(filters={'label': 'com.docker.compose.volume=pv'})] == ['pv']
mount = docker.types.Mount('/d', 'pv', type='volume', no_copy=True, labels={'x': 'y'})
print(client.containers.run('busybox', ['df', '-k', '/d'], mounts=[mount], remove=True).decode().split()[8])
try:
    client.volumes.get('nope')
except docker.errors.NotFound as error:
    print(error.explanation)
volume.remove()
print(client.volumes.prune()['SpaceReclaimed'])
`;

daemonSuite('volumes by the command line', (daemon) => {
  const wherry = (...args: string[]): Promise<string> => daemon().wherryOk(...args);
  const both = async (...args: string[]): Promise<string> => {
    const [ours, dockers] = [await wherry(...args), await daemon().dockerOk(...args)];
    assert.equal(ours, dockers, args.join(' '));
    return ours;
  };

  test('create, ls, inspect, prune and rm print what docker prints', async () => {
    assert.equal(await wherry('volume', 'create', '--label', 'tier=db', 'v10'), 'v10');
    assert.equal(await wherry('volume', 'create', '-o', 'type=tmpfs', '-o', 'device=tmpfs', 'v9'), 'v9');
    assert.equal(await both('volume', 'ls', '-q'), 'v9\nv10');
    await both('volume', 'ls');
    await both(
      'volume',
      'ls',
      '--format',
      '{{.Name}} {{.Driver}} {{.Scope}} {{.Mountpoint}} {{.Label "tier"}} {{.Links}} {{.Size}}',
    );
    assert.equal(await both('volume', 'ls', '-q', '-f', 'name=v1'), 'v10');
    await both('volume', 'inspect', 'v9', 'v10');
    await both('volume', 'inspect', '-f', '{{.Options.type}}', 'v9');
    await both('system', 'df');
    const usage = async (client: 'docker' | 'wherry'): Promise<string> =>
      (await daemon().runOk(client, 'system', 'df', '-v')).replace(/[^]*Local Volumes/, '');
    assert.equal(await usage('wherry'), await usage('docker'));
    assert.match(await wherry('volume', 'prune', '-f'), /^Total reclaimed space: 0B$/);
    assert.equal(await wherry('volume', 'rm', 'v9'), 'v9');
    assert.match(
      await wherry('volume', 'prune', '-af'),
      /^Deleted Volumes:\nv10\n\nTotal reclaimed space: 0B$/,
    );
    const { stderr, code } = await daemon().wherry('volume', 'rm', 'v10');
    assert.deepEqual([stderr, code], ['Error response from daemon: get v10: no such volume\n', 1]);
  });

  test('run with every way to mount', async () => {
    const run = (...args: string[]): Promise<string> => wherry('run', '--rm', ...args);
    await run('-v', 'aa:/d', 'busybox', 'sh', '-c', 'mkdir /d/sub; echo x > /d/sub/f');
    assert.equal(await run('--mount', 'src=aa,dst=/s,volume-subpath=sub', 'busybox', 'cat', '/s/f'), 'x');
    assert.equal(
      await run('--mount', 'type=image,src=busybox,dst=/i,image-subpath=bin', 'busybox', 'ls', '/i/busybox'),
      '/i/busybox',
    );
    await run(
      '--mount',
      'src=bb,dst=/d,volume-label=k=v,volume-opt=type=tmpfs,volume-opt=device=tmpfs',
      'busybox',
      'true',
    );
    assert.equal(
      await wherry('volume', 'inspect', '-f', '{{.Labels.k}} {{.Options.device}}', 'bb'),
      'v tmpfs',
    );
    await wherry('create', '--name', 'from', '-v', 'aa:/d', 'busybox');
    assert.equal(await run('--volumes-from', 'from:ro', 'busybox', 'cat', '/d/sub/f'), 'x');
    assert.match(
      await run(
        '--tmpfs',
        '/t:size=1m,mode=700',
        'busybox',
        'sh',
        '-c',
        'grep " /t " /proc/mounts; stat -c %a /t',
      ),
      /size=1024k,mode=700.*\n700$/,
    );
    await wherry('rm', 'from');
    await wherry('volume', 'rm', 'aa', 'bb');
  });

  test('how far a bind goes, and how far it is read-only', async () => {
    const directory = join(daemon().directory, 'tree');
    await mkdir(join(directory, 'below'), { recursive: true });
    const script = `mount -t tmpfs x ${directory}/below && exec "$@"`;
    const argv = daemon().argv('wherry', 'run', '--rm', '--mount');
    assert.equal((await exec(['sh', '-c', script, 'sh', 'true'], {})).code, 0);
    const attempt = async (options: string, ...command: string[]): Promise<string> => {
      const { stdout, stderr } = await exec([
        ...argv,
        `type=bind,src=${directory},dst=/b${options}`,
        'busybox',
        ...command,
      ]);
      return stdout + stderr;
    };
    try {
      const mounted = ['grep', '-c', ' /b/below ', '/proc/mounts'];
      assert.match(await attempt('', ...mounted), /^1/);
      assert.match(await attempt(',bind-recursive=disabled', ...mounted), /^0/);
      assert.equal(await attempt(',ro,bind-recursive=writable', 'touch', '/b/below/f'), '');
      assert.match(await attempt(',ro', 'touch', '/b/below/g'), /Read-only/);
      assert.match(
        await attempt(',ro,bind-recursive=readonly,bind-propagation=rprivate', 'touch', '/b/below/g'),
        /Read-only/,
      );
      assert.match(await attempt(',bind-recursive=readonly', 'true'), /requires 'readonly' to be specified/);
    } finally {
      await exec(['umount', join(directory, 'below')]);
    }
  });

  test('--mount wants its source to be there, -v makes it', async () => {
    const path = join(daemon().directory, 'absent');
    const { stderr } = await daemon().wherry(
      'run',
      '--rm',
      '--mount',
      `type=bind,src=${path},dst=/b`,
      'busybox',
      'true',
    );
    assert.match(stderr, /invalid mount config for type "bind": bind source path does not exist: /);
    await wherry('run', '--rm', '-v', `${path}:/b`, 'busybox', 'true');
    assert.ok((await stat(path)).isDirectory());
  });

  test('a bind whose files belong to the user of the container', async () => {
    const directory = join(daemon().directory, 'owned');
    await mkdir(directory);
    await writeFile(join(directory, 'f'), 'x');
    const run = ['run', '--rm', '-u', '1000:1000', '--mount', `type=bind,src=${directory},dst=/b,bind-idmap`];
    assert.equal(
      await wherry(...run, 'busybox', 'sh', '-c', 'echo y >> /b/f; stat -c %u:%g /b/f'),
      '1000:1000',
    );
    assert.equal((await stat(join(directory, 'f'))).uid, 0);
  });

  test('snapshot and clone', async () => {
    await wherry('run', '--rm', '-v', 'orig:/d', 'busybox', 'sh', '-c', 'echo x > /d/f');
    assert.equal(await wherry('volume', 'snapshot', 'orig', 'orig-1'), 'orig-1');
    assert.equal(await wherry('volume', 'clone', 'orig-1', 'other'), 'other');
    assert.equal(await wherry('run', '--rm', '-v', 'other:/d', 'busybox', 'cat', '/d/f'), 'x');
    const { stderr } = await daemon().wherry('volume', 'clone', 'orig', 'other');
    assert.match(stderr, /volume already exists/);
    assert.match((await daemon().wherry('volume', 'clone', 'nope', 'n2')).stderr, /get nope: no such volume/);
    await wherry('volume', 'rm', 'orig', 'orig-1', 'other');
  });

  test('docker-py: what compose asks for', requires('docker-py'), async () => {
    const { stdout, stderr } = await exec(['python3', '-c', PYTHON, `unix://${daemon().socket}`]);
    assert.equal(stdout, '1024\nget nope: no such volume\n0\n', stderr);
  });
});
