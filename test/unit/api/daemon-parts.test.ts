import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createServer as createNetServer } from 'node:net';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { test, type TestContext } from 'node:test';
import { winstonLog } from '../../../common/winston-log.ts';
import { checkHost, formatChecks } from '../../../daemon/check.ts';
import { lockDirectory } from '../../../daemon/instance-lock.ts';
import { socketGroup } from '../../../daemon/listen/group.ts';
import { inheritedSockets, listenOn } from '../../../daemon/listen/listen.ts';

const SETTINGS = { gid: 0, plainTcp: false };

async function temporary(t: TestContext): Promise<string> {
  const directory = await mkdtemp('/tmp/w-');
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

test('a root belongs to one daemon at a time', async (t) => {
  const directory = await temporary(t);
  const first = await lockDirectory(directory, 'data root');
  await assert.rejects(lockDirectory(directory, 'data root'), {
    code: 'conflict',
    message: `Cannot use the data root "${directory}": another wherryd, process ${process.pid}, is running on it`,
  });
  await first[Symbol.asyncDispose]();
  const second = await lockDirectory(directory, 'data root');
  await second[Symbol.asyncDispose]();
});

test('a stale socket is replaced, a living one and a file are not', async (t) => {
  const directory = await temporary(t);
  const path = join(directory, 's');
  const stale = createNetServer().listen(path);
  await once(stale, 'listening');
  const left = join(directory, 'left');
  /** A socket without its listener: what a killed daemon leaves. */
  await import('node:fs/promises').then(({ link }) => link(path, left));
  stale.close();
  const server = createServer();
  t.after(() => server.close());
  await listenOn(() => server, `unix://${left}`, SETTINGS);
  const { mode, gid } = await stat(left);
  assert.equal(mode & 0o777, 0o660);
  assert.equal(gid, 0);
  await assert.rejects(listenOn(createServer, `unix://${left}`, SETTINGS), {
    code: 'conflict',
    message: /another process is listening/,
  });
  const file = join(directory, 'file');
  await writeFile(file, '');
  await assert.rejects(listenOn(createServer, `unix://${file}`, SETTINGS), {
    message: /something that is no socket/,
  });
  await assert.rejects(listenOn(createServer, `unix:///${'x'.repeat(110)}`, SETTINGS), {
    message: /longer than 107 bytes/,
  });
  for (const host of ['tcp://0.0.0.0:0', 'tcp://127.0.0.1:0', 'tcp://[::1]:0']) {
    await assert.rejects(listenOn(createServer, host, SETTINGS), { message: /without TLS.*--tls=false/ });
  }
  const plain = createServer();
  t.after(() => plain.close());
  await listenOn(() => plain, 'tcp://127.0.0.1:0', { gid: 0, plainTcp: true });
  assert.ok(plain.listening);
});

test('sockets that systemd passed are found by number, by name, or all', () => {
  const env = {
    LISTEN_PID: String(process.pid),
    LISTEN_FDS: '3',
    LISTEN_FDNAMES: 'docker.socket:cri:docker.socket',
  };
  assert.deepEqual(inheritedSockets('', env), [3, 4, 5]);
  assert.deepEqual(inheritedSockets('*', env), [3, 4, 5]);
  assert.deepEqual(inheritedSockets('4', env), [4]);
  assert.deepEqual(inheritedSockets('docker.socket', env), [3, 5]);
  for (const which of ['6', 'other']) assert.throws(() => inheritedSockets(which, env), /no such socket/);
  assert.throws(() => inheritedSockets('', { ...env, LISTEN_PID: '1' }), /no such socket was passed/);
});

test("the sockets' group: the one asked for, else wherry, docker, root", async (t) => {
  const directory = await temporary(t);
  const file = join(directory, 'group');
  const cases: [groups: string, name: string | undefined, gid: number][] = [
    ['root:x:0:\ndocker:x:7:\nwherry:x:8:a,b\n', undefined, 8],
    ['root:x:0:\ndocker:x:7:\n', undefined, 7],
    ['root:x:0:\n', undefined, 0],
    ['staff:x:50:\n', 'staff', 50],
    ['staff:x:50:\n', '99', 99],
  ];
  for (const [groups, name, gid] of cases) {
    await writeFile(file, groups);
    assert.equal(await socketGroup(name, file), gid);
  }
  await assert.rejects(socketGroup('nobody-here', file), { code: 'not-found' });
});

test('a log line holds its fields, errors with their causes', () => {
  const lines = (format: 'text' | 'json'): string[] => {
    const stream = new PassThrough();
    const log = winstonLog({ level: 'info', format, stream });
    log.debug('not shown');
    log
      .with({ container: 'c1' })
      .warn('Cannot stop', { error: new Error('no', { cause: new Error('why') }), ns: 5n });
    return String(stream.read()).trimEnd().split('\n');
  };
  const [text, ...more] = lines('text');
  assert.deepEqual(more, []);
  assert.match(text ?? '', /^\d{4}-\S+Z warn {2}Cannot stop container=c1 error="no; caused by: why" ns=5$/);
  const { time, ...rest } = JSON.parse(lines('json')[0] ?? '') as Record<string, unknown>;
  assert.ok(!Number.isNaN(Date.parse(String(time))));
  assert.deepEqual(rest, {
    level: 'warn',
    msg: 'Cannot stop',
    container: 'c1',
    error: 'no; caused by: why',
    ns: '5',
  });
});

test('check tells what is there and names what is not', async () => {
  const checks = await checkHost();
  const names = checks.map(({ name }) => name);
  for (const name of [
    'root',
    'kernel',
    'native library',
    'namespace pid',
    'overlay',
    'seccomp',
    'cgroup memory',
  ]) {
    assert.ok(names.includes(name), name);
  }
  const table = formatChecks([
    { name: 'root', state: 'ok', detail: 'running as root' },
    { name: 'overlay', state: 'missing', detail: 'load the kernel module overlay' },
    { name: 'cgroup blkio', state: 'limited', detail: 'no hierarchy' },
  ]);
  assert.match(table, /^missing +overlay +load the kernel module overlay$/m);
  assert.match(table, /This host lacks: overlay\.\n$/);
});
