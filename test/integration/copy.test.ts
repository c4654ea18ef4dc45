import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { archive, statOf, tarNames } from '../lib/container-files.ts';
import { exec } from '../lib/process.ts';
import { daemonSuite } from '../lib/suite.ts';
import { tarball } from '../lib/tarball.ts';

const FILL = [
  'mkdir -p /d/e /t; echo hi > /d/f; ln /d/f /d/g; ln -s f /d/rel; ln -s /d /link; ln -s /d/none /broken',
  'mkfifo /d/p; mknod /d/null c 1 3; chown 12:34 /d/f; chmod 4751 /d/f; touch -d @86400 /d/e',
].join('; ');

async function scratch(t: TestContext): Promise<string> {
  const directory = await mkdtemp('/tmp/w-copy-');
  t.after(() => rm(directory, { recursive: true }));
  return directory;
}

daemonSuite('copy', (daemon) => {
  const kinds = ['running', 'paused', 'exited'] as const;
  const make = async (kind: (typeof kinds)[number], ...flags: string[]): Promise<string> => {
    const id = await daemon().dockerOk('run', '-d', ...flags, 'busybox', 'sh', '-c', 'sleep 1000');
    await daemon().dockerOk('exec', id, 'sh', '-c', FILL);
    if (kind === 'paused') await daemon().dockerOk('pause', id);
    if (kind === 'exited') await daemon().dockerOk('kill', id);
    return id;
  };
  const cp = (...args: string[]): Promise<string> => daemon().dockerOk('cp', ...args);
  const names = (from: string): Promise<string[]> => tarNames(daemon().argv('docker', 'cp', from, '-'));

  for (const goesOn of [true, false]) {
    test(`a client of a broken archive is answered and let go, ${goesOn ? 'when it has sent all' : 'though it sends no more'}`, async () => {
      const id = await make('exited');
      const size = 8 << 20;
      const socket = connect({ path: daemon().socket, allowHalfOpen: true }).on('error', () => {});
      const closed = Promise.race([once(socket, 'end'), once(socket, 'close')]);
      socket.write(
        `PUT /containers/${id}/archive?path=/ HTTP/1.1\r\nHost: x\r\nContent-Length: ${size}\r\n\r\n`,
      );
      socket.write(Buffer.alloc(4096, 'no tar'));
      // By now the archive has failed, and who unpacks it waits for more of it.
      await sleep(500);
      const answered = once(socket, 'data');
      if (goesOn) socket.write(Buffer.alloc(size - 4096));
      assert.match(String((await answered)[0]), /^HTTP\/1.1 (400|500) /);
      if (goesOn) socket.end();
      await closed;
      socket.destroy();
    });
  }

  for (const kind of kinds) {
    test(`${kind}: what comes out of a container is what is in it`, async (t) => {
      const id = await make(kind);
      const out = join(await scratch(t), 'out');
      await cp('-a', `${id}:/d`, out);
      const { mode, nlink, ino } = await stat(`${out}/f`);
      assert.deepEqual([mode, nlink], [0o104751, 2]);
      const { text } = await archive(daemon(), 'GET', { id, path: '/d/f' });
      const listed = await exec(['tar', '-tv', '--numeric-owner'], { input: text });
      assert.match(listed.stdout, /^-rwsr-x--x 12\/34 +3 .* f\n$/);
      assert.equal((await stat(`${out}/g`)).ino, ino);
      assert.equal((await stat(`${out}/p`)).isFIFO(), true);
      assert.equal((await stat(`${out}/null`)).rdev, 0x103);
      assert.equal((await stat(`${out}/e`)).mtimeMs, 86_400_000);
      assert.equal(await readlink(`${out}/rel`), 'f');
      assert.equal(await readFile(`${out}/f`, 'utf8'), 'hi\n');
    });

    test(`${kind}: what goes in is there, and stays`, async (t) => {
      const id = await make(kind);
      const from = await scratch(t);
      await mkdir(`${from}/in/sub`, { recursive: true });
      await writeFile(`${from}/in/sub/x`, 'new\n', { mode: 0o640 });
      await symlink('sub/x', `${from}/in/l`);
      await cp(`${from}/in`, `${id}:/made`);
      await cp(`${from}/in/.`, `${id}:/link`);
      await cp(`${from}/in/sub/x`, `${id}:/d/f`);
      if (kind === 'paused') await daemon().dockerOk('unpause', id);
      if (kind === 'exited') await daemon().dockerOk('start', id);
      const script =
        'cat /made/sub/x /made/l /d/sub/x /d/f; stat -c %a:%n /made/sub/x; readlink /d/l; readlink /link';
      const seen = await daemon().dockerOk('exec', id, 'sh', '-c', script);
      assert.equal(seen, 'new\nnew\nnew\nnew\n640:/made/sub/x\nsub/x\n/d');
    });
  }

  test('names begin with the last part of the path, as docker has it', async () => {
    const id = await make('running');
    const below = ['e/', 'f', 'g', 'null', 'p', 'rel'];
    const sorted = async (from: string): Promise<string[]> => (await names(`${id}:${from}`)).toSorted();
    assert.deepEqual(await sorted('/d'), ['d/', ...below.map((name) => `d/${name}`)]);
    assert.deepEqual(await sorted('d/'), ['d/', ...below.map((name) => `d/${name}`)]);
    assert.deepEqual(await sorted('/d/.'), ['./', ...below.map((name) => `./${name}`)]);
    assert.deepEqual(await sorted('/link/.'), ['./', ...below.map((name) => `./${name}`)]);
    assert.deepEqual(await sorted('/link'), ['link']);
    assert.equal((await names(`${id}:/`))[0], '/');
    const root = await names(`${id}:/.`);
    assert.equal(root[0], './');
    for (const [name, more] of [
      ['./proc/', './proc/1/'],
      ['./sys/', './sys/fs/'],
      ['./dev/', './dev/null'],
    ] as const) {
      assert.deepEqual([root.includes(name), root.includes(more)], [true, false], name);
    }
  });

  test('the header tells of a path; a missing one is told in docker’s words', async () => {
    const id = await make('running');
    const status = async (path: string) => statOf(await archive(daemon(), 'HEAD', { id, path }));
    const file = await status('/d/f');
    assert.deepEqual([file.name, file.size, file.mode, file.linkTarget], ['f', 3, 0o751 + 0x80_0000, '']);
    assert.equal((await status('/d/e')).mtime, '1970-01-02T00:00:00Z');
    assert.equal((await status('/d')).mode, 0x8000_01ed);
    assert.equal((await status('/d/null')).mode & 0x0420_0000, 0x0420_0000);
    assert.deepEqual((await status('/d/rel')).linkTarget, '/d/f');
    assert.deepEqual((await status('/broken')).linkTarget, '/d/none');
    assert.deepEqual((await status('/link/')).name, 'link');
    const text = (path: string) => `{"message":"Could not find the file ${path} in container ${id}"}\n`;
    for (const path of ['/none', '/broken/', '/proc/version', '/sys/kernel/notes']) {
      const [head, get] = [
        await archive(daemon(), 'HEAD', { id, path }),
        await archive(daemon(), 'GET', { id, path }),
      ];
      assert.deepEqual([head.status, get.status, get.text], [404, 404, text(path)]);
    }
    const put = await archive(daemon(), 'PUT', { id, path: '/none', body: tarball([]) });
    assert.deepEqual([put.status, put.text], [404, text('/none')]);
    const got = await archive(daemon(), 'GET', { id, path: '/d/f' });
    assert.deepEqual([got.headers['content-type'], statOf(got).name], ['application/x-tar', 'f']);
  });

  test('what docker refuses is refused, and changes nothing', async () => {
    const readOnly = await daemon().dockerOk(
      ...[
        'run',
        '-d',
        '--read-only',
        '-v',
        '/usr/share/doc:/v:ro',
        '--tmpfs',
        '/w',
        'busybox',
        'sleep',
        '999',
      ],
    );
    const stopped = await daemon().dockerOk('create', '--read-only', '-v', '/usr/share/doc:/v:ro', 'busybox');
    const one = tarball([{ name: 'canary', data: 'x' }]);
    const put = (id: string, path: string, ...[body = one, more = '']: [body?: Uint8Array, more?: string]) =>
      archive(daemon(), 'PUT', { id, path, body, more });
    const told = async (answer: Promise<{ status: number; text: string }>): Promise<string> => {
      const { status, text } = await answer;
      return `${status} ${text === '' ? '' : (JSON.parse(text) as { message: string }).message}`;
    };
    for (const id of [readOnly, stopped]) {
      assert.equal(await told(put(id, '/etc')), '400 container rootfs is marked read-only');
      assert.equal(await told(put(id, '/v')), '400 mounted volume is marked read-only');
      assert.equal(await told(put(id, '/etc/passwd')), '400 extraction point is not a directory');
      assert.equal(await told(put(id, '')), '400 bad parameter: pathcannot be empty');
    }
    assert.equal(await told(put(readOnly, '/w')), '200 ');
    await assert.rejects(stat('/usr/share/doc/canary'));
    const id = await make('running');
    const keep = '&noOverwriteDirNonDir=1';
    const file = tarball([{ name: 'e', data: 'x' }]);
    const directory = tarball([{ name: 'f/' }]);
    assert.match(
      await told(put(id, '/d', file, keep)),
      /400 cannot overwrite directory "\/d\/e" with non-dir/,
    );
    assert.match(await told(put(id, '/d', directory, keep)), /400 cannot overwrite non-directory "\/d\/f"/);
    assert.equal(await told(put(id, '/d', file)), '200 ');
    assert.match(await told(put(id, '/d', tarball([{ name: '../../x' }]))), /400 .*is outside of "\/d"/);
    assert.match(await told(put(id, '/d', Buffer.alloc(700, 'x'))), /^400 invalid tar/);
    assert.equal((await archive(daemon(), 'GET', { id: 'nosuch', path: '/' })).status, 404);
  });

  test('owners are the archive’s, or with copyUIDGID the container’s user', async () => {
    const id = await daemon().dockerOk('run', '-d', '-u', 'nobody', 'busybox', 'sleep', '1000');
    const body = tarball([
      { name: 'a/', uid: 7, gid: 8 },
      { name: 'a/b/c', uid: 7, gid: 8 },
    ]);
    const owners = async (path: string): Promise<string> =>
      daemon().dockerOk('exec', id, 'stat', '-c', '%u:%g', `${path}/a`, `${path}/a/b/c`);
    await archive(daemon(), 'PUT', { id, path: '/tmp', body });
    assert.equal(await owners('/tmp'), '7:8\n7:8');
    await daemon().dockerOk('exec', '-u', '0', id, 'mkdir', '/own');
    await archive(daemon(), 'PUT', { id, path: '/own', body, more: '&copyUIDGID=true' });
    assert.equal(await owners('/own'), '65534:65534\n65534:65534');
  });

  test('volumes of a container that has stopped are seen, and written to', async () => {
    const id = await daemon().dockerOk('create', '-v', '/vol', 'busybox', 'touch', '/vol/file');
    await daemon().dockerOk('start', '-a', id);
    await archive(daemon(), 'PUT', { id, path: '/vol', body: tarball([{ name: 'more', data: 'x' }]) });
    assert.deepEqual(await names(`${id}:/vol`), ['vol/', 'vol/file', 'vol/more']);
    await daemon().dockerOk('rm', '-v', id);
  });

  test('binds are seen before the first start, and a stream goes in and out', async (t) => {
    const directory = await scratch(t);
    const id = await daemon().dockerOk(
      'create',
      '-v',
      `${directory}:/deep/bind`,
      'busybox',
      'cat',
      '/deep/bind/x',
    );
    const body = tarball([{ name: 'x', data: 'streamed' }]);
    const argv = daemon().argv('docker', 'cp', '-', `${id}:/deep/bind`);
    assert.equal((await exec([...argv], { input: body.toString('latin1') })).code, 0);
    assert.equal(await readFile(`${directory}/x`, 'utf8'), 'streamed');
    assert.deepEqual(await names(`${id}:/deep/bind/x`), ['x']);
    assert.equal(await daemon().dockerOk('start', '-a', id), 'streamed');
    assert.deepEqual(await names(`${id}:/deep`), ['deep/', 'deep/bind/', 'deep/bind/x']);
  });
});
