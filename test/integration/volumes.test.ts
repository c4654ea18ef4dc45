import assert from 'node:assert/strict';
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually } from '../lib/process.ts';
import { rest } from '../lib/rest.ts';
import { daemonSuite } from '../lib/suite.ts';

interface ShownMount {
  readonly Type: string;
  readonly Name?: string;
  readonly Source: string;
  readonly Destination: string;
  readonly Mode: string;
  readonly RW: boolean;
}

daemonSuite('volumes', (daemon) => {
  const run = (...args: string[]): Promise<string> => daemon().dockerOk('run', '--rm', ...args);
  const inspect = async (name: string): Promise<ShownMount[]> =>
    JSON.parse(await daemon().dockerOk('inspect', '-f', '{{json .Mounts}}', name)) as ShownMount[];
  const dataPath = (name: string): string => join(daemon().dataRoot, 'volumes', name, '_data');
  const refused = async (...args: string[]): Promise<string> => {
    const { code, stderr } = await daemon().docker(...args);
    assert.notEqual(code, 0, args.join(' '));
    return stderr.trim();
  };

  test('a volume is created, listed, inspected and removed', async () => {
    assert.equal(await daemon().dockerOk('volume', 'create', '--label', 'a=b', 'one'), 'one');
    assert.equal(await daemon().dockerOk('volume', 'create', 'one'), 'one');
    assert.equal(await daemon().dockerOk('volume', 'ls', '-q', '-f', 'label=a=b'), 'one');
    assert.equal(await daemon().dockerOk('volume', 'ls', '-q', '-f', 'dangling=false'), '');
    const [shown] = JSON.parse(await daemon().dockerOk('volume', 'inspect', 'one')) as Record<
      string,
      unknown
    >[];
    assert.match(String(shown?.['CreatedAt']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.deepEqual(
      { ...shown, CreatedAt: '' },
      {
        CreatedAt: '',
        Driver: 'local',
        Labels: { a: 'b' },
        Mountpoint: dataPath('one'),
        Name: 'one',
        Options: null,
        Scope: 'local',
      },
    );
    assert.equal(await daemon().dockerOk('volume', 'rm', 'one'), 'one');
    assert.match(await refused('volume', 'inspect', 'one'), /get one: no such volume/);
    assert.match(await refused('volume', 'rm', 'one'), /get one: no such volume/);
    await daemon().dockerOk('volume', 'rm', '-f', 'one');
  });

  const wrong: readonly (readonly [args: readonly string[], text: string])[] = [
    [['x'], 'create x: volume name is too short, names should be at least two alphanumeric characters'],
    [
      ['a/b'],
      'create a/b: "a/b" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. ' +
        'If you intended to pass a host directory, use absolute path',
    ],
    [['-d', 'nope', 'xx'], 'create xx: error looking up volume plugin nope: plugin "nope" not found'],
    [['-o', 'color=red', 'xx'], 'create xx: invalid option: "color"'],
    [['-o', 'type=tmpfs', 'xx'], 'create xx: missing required option: "device"'],
    [['-o', 'size=much', 'xx'], "create xx: invalid size: 'much'"],
    [
      ['-o', 'type=tmpfs', '-o', 'device=tmpfs', '-o', 'size=1g', 'xx'],
      'create xx: quota size requested but no quota support: it is what "tmpfs" has',
    ],
  ];
  for (const [args, text] of wrong) {
    test(`volume create ${args.join(' ')} is refused in docker's words`, async () => {
      assert.equal(await refused('volume', 'create', ...args), `Error response from daemon: ${text}`);
    });
  }

  test('a named volume is made by run, keeps its content, and stays', async () => {
    await run('-v', 'kept:/d', 'busybox', 'sh', '-c', 'echo hello > /d/f');
    assert.equal(await run('-v', 'kept:/d:ro', 'busybox', 'cat', '/d/f'), 'hello');
    assert.match(
      (await daemon().docker('run', '--rm', '-v', 'kept:/d:ro', 'busybox', 'touch', '/d/g')).stderr,
      /Read-only/,
    );
    await daemon().dockerOk('volume', 'rm', 'kept');
    assert.deepEqual(await readdir(join(daemon().dataRoot, 'volumes')), []);
  });

  test('one in use is not removed', async () => {
    const id = await daemon().dockerOk('create', '-v', 'used:/d', 'busybox');
    assert.equal(
      await refused('volume', 'rm', 'used'),
      `Error response from daemon: remove used: volume is in use - [${id}]`,
    );
    assert.equal(await daemon().dockerOk('volume', 'ls', '-qf', 'dangling=false'), 'used');
    await daemon().dockerOk('rm', '-v', id);
    assert.equal(await daemon().dockerOk('volume', 'ls', '-qf', 'dangling=true'), 'used');
    await daemon().dockerOk('volume', 'rm', 'used');
  });

  test('anonymous volumes go with rm -v and --rm, and only then', async () => {
    await run('-v', '/d', 'busybox', 'touch', '/d/f');
    assert.equal(await daemon().dockerOk('volume', 'ls', '-q'), '');
    const id = await daemon().dockerOk('create', '-v', '/d', '-v', 'named:/n', 'busybox');
    const [d, n] = (await inspect(id)).toSorted((a, b) => a.Destination.localeCompare(b.Destination));
    assert.match(d?.Name ?? '', /^[0-9a-f]{64}$/);
    assert.deepEqual([d?.Mode, n?.Mode, n?.Name], ['', 'z', 'named']);
    await daemon().dockerOk('rm', id);
    assert.equal((await daemon().dockerOk('volume', 'ls', '-q')).split('\n').length, 2);
    assert.match(
      await daemon().dockerOk('volume', 'prune', '-f'),
      new RegExp(`Deleted Volumes:\n${d?.Name}`),
    );
    const other = await daemon().dockerOk('create', '-v', '/d', '-v', 'named:/n', 'busybox');
    await daemon().dockerOk('rm', '-v', other);
    assert.equal(await daemon().dockerOk('volume', 'ls', '-q'), 'named');
    await daemon().dockerOk('volume', 'prune', '-af');
    assert.equal(await daemon().dockerOk('volume', 'ls', '-q'), '');
  });

  test('an empty volume gets what the image has, with owner and mode, when the container is created', async () => {
    const id = await daemon().dockerOk('create', '-v', 'filled:/etc', '-v', 'bare:/etc2', 'busybox');
    await daemon().dockerOk('create', '-v', 'plain:/etc:nocopy', 'busybox');
    assert.ok((await readdir(dataPath('filled'))).includes('passwd'));
    assert.deepEqual(await readdir(dataPath('plain')), []);
    assert.deepEqual(await readdir(dataPath('bare')), []);
    const { mode } = await stat(dataPath('filled'));
    assert.equal(mode & 0o7777, 0o755);
    await daemon().dockerOk('rm', id);
    await writeFile(join(dataPath('filled'), 'passwd'), 'mine');
    assert.equal(await run('-v', 'filled:/etc', 'busybox', 'cat', '/etc/passwd'), 'mine');
    await daemon().dockerOk('rm', '-f', ...(await daemon().dockerOk('ps', '-aq')).split('\n'));
    await daemon().dockerOk('volume', 'prune', '-af');
  });

  test('over a file of the image there is no volume', async () => {
    const text = await refused('create', '-v', '/bin/busybox', 'busybox');
    assert.match(text, /cannot mount volume over existing file, file exists/);
    assert.equal(await daemon().dockerOk('volume', 'ls', '-q'), '');
  });

  test('--volumes-from takes the mounts of another container', async () => {
    await daemon().dockerOk(
      'create',
      '--name',
      'from',
      '-v',
      '/d',
      '-v',
      'n:/n'.replace('n:', 'nn:'),
      'busybox',
    );
    await run('--volumes-from', 'from', 'busybox', 'sh', '-c', 'echo x > /d/f; echo y > /n/f');
    assert.equal(await run('--volumes-from', 'from:ro', 'busybox', 'cat', '/d/f', '/n/f'), 'x\ny');
    const { stderr } = await daemon().docker(
      'run',
      '--rm',
      '--volumes-from',
      'from:ro',
      'busybox',
      'touch',
      '/d/g',
    );
    assert.match(stderr, /Read-only/);
    await daemon().dockerOk('rm', '-v', 'from');
    await daemon().dockerOk('volume', 'rm', 'nn');
    assert.equal(await daemon().dockerOk('volume', 'ls', '-q'), '');
  });

  test('a part of a volume', async () => {
    await run(
      '-v',
      'parts:/d',
      'busybox',
      'sh',
      '-c',
      'mkdir -p /d/a/b; echo x > /d/a/b/f; ln -s /etc /d/out; ln -s a /d/in',
    );
    const mount = (subpath: string): string[] => [
      '--mount',
      `type=volume,src=parts,dst=/p,volume-subpath=${subpath}`,
    ];
    const body = (subpath: string): object => ({
      Image: 'busybox',
      Cmd: ['ls', '/p'],
      HostConfig: {
        Mounts: [{ Type: 'volume', Source: 'parts', Target: '/p', VolumeOptions: { Subpath: subpath } }],
      },
    });
    assert.equal(mount('a').length, 2);
    const start = async (subpath: string): Promise<readonly [number, string]> => {
      const made = await rest(daemon().socket, 'POST', { path: '/containers/create', body: body(subpath) });
      if (made.status !== 201) return [made.status, made.text];
      const { Id } = made.json<{ Id: string }>();
      const started = await rest(daemon().socket, 'POST', { path: `/containers/${Id}/start` });
      if (started.status !== 204) return [started.status, started.text];
      await daemon().dockerOk('wait', Id);
      return [0, await daemon().dockerOk('logs', Id)];
    };
    assert.deepEqual(await start('a/b'), [0, 'f']);
    assert.deepEqual(await start('in/b'), [0, 'f']);
    assert.match((await start('missing'))[1], /cannot access path .*missing: no such file or directory/);
    assert.match((await start('out'))[1], /cannot access path/);
    assert.match((await start('../x'))[1], /subpath must be a relative path within the volume/);
    await daemon().dockerOk('rm', '-f', ...(await daemon().dockerOk('ps', '-aq')).split('\n'));
    await daemon().dockerOk('volume', 'rm', 'parts');
  });

  test('options of the local driver: a bind, and a tmpfs that containers share', async () => {
    const directory = join(daemon().directory, 'bound');
    await mkdir(directory);
    await daemon().dockerOk(
      'volume',
      'create',
      '-o',
      'type=none',
      '-o',
      `device=${directory}`,
      '-o',
      'o=bind',
      'vb',
    );
    await run('-v', 'vb:/d', 'busybox', 'touch', '/d/f');
    assert.deepEqual(await readdir(directory), ['f']);
    const tmpfs = ['-o', 'type=tmpfs', '-o', 'device=tmpfs', '-o', 'o=size=1m'];
    await daemon().dockerOk('volume', 'create', ...tmpfs, 'vt');
    await daemon().dockerOk('run', '-d', '--name', 'first', '-v', 'vt:/d', 'busybox', 'sleep', '1000');
    await daemon().dockerOk('exec', 'first', 'touch', '/d/here');
    assert.equal(await run('-v', 'vt:/other', 'busybox', 'ls', '/other'), 'here');
    assert.match(
      await run('-v', 'vt:/d', 'busybox', 'grep', ' /d ', '/proc/mounts'),
      /^tmpfs \/d tmpfs .*size=1024k/,
    );
    await daemon().dockerOk('rm', '-f', 'first');
    assert.equal(await run('-v', 'vt:/d', 'busybox', 'ls', '/d'), '');
    await daemon().dockerOk(
      'volume',
      'create',
      '-o',
      'type=none',
      '-o',
      'device=/nowhere',
      '-o',
      'o=bind',
      'vn',
    );
    assert.match(
      await refused('run', '--rm', '-v', 'vn:/d', 'busybox', 'true'),
      /error while mounting volume '.*\/vn\/_data': failed to mount local volume: mount \/nowhere:.*: no such file or directory/,
    );
    await daemon().dockerOk('volume', 'rm', 'vb', 'vt', 'vn');
    assert.deepEqual(await readdir(directory), ['f']);
  });

  test('precedence: a mount point is given once, and what the image names gives way', async () => {
    assert.match(
      await refused('create', '-v', 'aa:/d', '-v', 'bb:/d', 'busybox'),
      /Duplicate mount point: \/d/,
    );
    assert.match(
      await refused('create', '-v', 'aa:/d', '--tmpfs', '/d', 'busybox'),
      /Duplicate mount point: \/d/,
    );
    assert.equal(await daemon().dockerOk('volume', 'ls', '-q'), '');
  });

  test('events of a volume', async () => {
    const events = daemon().spawn(
      'docker',
      'events',
      '--filter',
      'type=volume',
      '--format',
      '{{.Action}} {{.Actor.ID}}',
      '--since',
      '0s',
    );
    let seen = '';
    events.stdout?.on('data', (data: Buffer) => (seen += data.toString()));
    await run('-v', 'told:/d', 'busybox', 'true');
    await eventually('the volume is unmounted', () => seen.includes('unmount told'));
    await daemon().dockerOk('volume', 'rm', 'told');
    await eventually('the volume is destroyed', () => seen.includes('destroy told'));
    events.kill();
    const own = seen.split('\n').filter((line) => line.endsWith('told'));
    assert.deepEqual(own, ['create told', 'mount told', 'unmount told', 'destroy told']);
  });

  test('sizes in df', async () => {
    await run('-v', 'sized:/d', 'busybox', 'sh', '-c', 'head -c 100000 /dev/zero > /d/f; ln /d/f /d/g');
    const answer = await rest(daemon().socket, 'GET', { path: '/system/df?type=volume' });
    const [volume] = answer.json<{ Volumes: { UsageData: object }[] }>().Volumes;
    assert.deepEqual(volume?.UsageData, { RefCount: 0, Size: 100000 });
    assert.match(await daemon().dockerOk('system', 'df'), /Local Volumes\s+1\s+0\s+100kB\s+100kB \(100%\)/);
    await daemon().dockerOk('system', 'prune', '-f', '--volumes');
    await daemon().dockerOk('volume', 'prune', '-af');
  });

  test('an image as a mount', async () => {
    const body = {
      Image: 'busybox',
      Cmd: ['sh', '-c', 'ls /i/bin/busybox; touch /i/x'],
      HostConfig: { Mounts: [{ Type: 'image', Source: 'busybox', Target: '/i' }] },
    };
    const made = await rest(daemon().socket, 'POST', { path: '/containers/create', body });
    assert.equal(made.status, 201, made.text);
    const { Id } = made.json<{ Id: string }>();
    await daemon().dockerOk('start', Id);
    await daemon().dockerOk('wait', Id);
    const { stdout, stderr } = await daemon().docker('logs', Id);
    assert.equal(stdout.trim(), '/i/bin/busybox');
    assert.match(stderr, /Read-only/);
    const missing = { ...body, HostConfig: { Mounts: [{ Type: 'image', Source: 'nope', Target: '/i' }] } };
    const answer = await rest(daemon().socket, 'POST', { path: '/containers/create', body: missing });
    assert.deepEqual([answer.status, answer.json()], [404, { message: 'No such image: nope:latest' }]);
  });

  test('idmap: what the host owns appears as the user of the container', async () => {
    const directory = join(daemon().directory, 'mapped');
    await mkdir(directory);
    const script = 'stat -c %u:%g /d; touch /d/f; stat -c %u:%g /d/f';
    assert.equal(await run('-u', '1234:1234', 'busybox', 'true'), '');
    const body = {
      Image: 'busybox',
      User: '1234:1234',
      Cmd: ['sh', '-c', script],
      HostConfig: { Binds: [`${directory}:/d:idmap`] },
    };
    const { Id } = (await rest(daemon().socket, 'POST', { path: '/containers/create', body })).json<{
      Id: string;
    }>();
    await daemon().dockerOk('start', Id);
    await daemon().dockerOk('wait', Id);
    assert.equal(await daemon().dockerOk('logs', Id), '1234:1234\n1234:1234');
    const { uid, gid } = await stat(join(directory, 'f'));
    assert.deepEqual([uid, gid], [0, 0]);
  });

  test('a snapshot is a volume of its own', async () => {
    await run('-v', 'origin:/d', 'busybox', 'sh', '-c', 'echo x > /d/f; chown 5:6 /d/f; chmod 751 /d');
    const copied = await rest(daemon().socket, 'POST', { path: '/wherry/volumes/origin/copy?to=image' });
    assert.equal(copied.status, 201, copied.text);
    await run('-v', 'origin:/d', 'busybox', 'rm', '/d/f');
    assert.equal(
      await run('-v', 'image:/d', 'busybox', 'stat', '-c', '%u:%g %a', '/d/f', '/d'),
      '5:6 644\n0:0 751',
    );
    const again = await rest(daemon().socket, 'POST', { path: '/wherry/volumes/origin/copy?to=image' });
    assert.equal(again.status, 409);
    await daemon().dockerOk('volume', 'rm', 'origin', 'image');
  });
});
