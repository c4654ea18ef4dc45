import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rmdirSync } from 'node:fs';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeCtx } from '../../../common/ctx.ts';
import { silentLog } from '../../../common/log.ts';
import type { AttachOptions, Exit, ShimHooks } from '../../../shim/contract.ts';
import { createShimLauncher } from '../../../shim/launcher.ts';
import { eventually } from '../../lib/process.ts';
import { hostProcessPlan, type HostProcess } from '../../lib/host-process-plan.ts';

const launcher = createShimLauncher();
const ctx = makeCtx(silentLog).within(20_000);
const ALL: AttachOptions = {
  stdin: true,
  stdout: true,
  stderr: true,
  framed: false,
  detachKeys: Buffer.from([16, 17]),
};

async function directory(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'wherry-shim-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** A connected pair of sockets in the event loop, as an HTTP connection would be. */
async function clientPair(t: TestContext): Promise<{ client: Socket; served: Socket }> {
  const path = join(await directory(t), 's');
  const { promise, resolve } = Promise.withResolvers<Socket>();
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, resolve).listen(path);
  const client = connect({ path, allowHalfOpen: true });
  const served = await promise;
  server.close();
  t.after(() => client.destroy());
  return { client, served };
}

interface Watched {
  readonly hooks: ShimHooks;
  readonly exit: Promise<Exit>;
  readonly detached: string[];
  readonly logErrors: (string | undefined)[];
}

function watch(): Watched {
  const exit = Promise.withResolvers<Exit>();
  const detached: string[] = [];
  const logErrors: (string | undefined)[] = [];
  return {
    exit: exit.promise,
    detached,
    logErrors,
    hooks: {
      onExit: exit.resolve,
      onDetach: (_, reason) => detached.push(reason),
      onLogError: (errno) => logErrors.push(errno),
      onLost: () => exit.reject(new Error('lost')),
    },
  };
}

async function run(
  t: TestContext,
  process: Omit<HostProcess, 'directory'>,
  attach: { options: AttachOptions; head?: string }[] = [],
) {
  const dir = await directory(t);
  const watched = watch();
  const clients = await Promise.all(attach.map(() => clientPair(t)));
  const shim = await launcher.launch(ctx, {
    id: 'test',
    directory: dir,
    plan: hostProcessPlan({ directory: dir, ...process }),
    attach: attach.map(({ options, head }, index) => ({
      options,
      head: Buffer.from(head ?? ''),
      socket: clients[index]?.served as Socket,
    })),
    hooks: watched.hooks,
  });
  t.after(() => shim.signal(ctx, 9).catch(() => {}));
  return { dir, shim, ...watched, clients: clients.map(({ client }) => client) };
}

async function text(socket: Socket): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of socket) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}

const sh = (script: string): string[] => ['/bin/sh', '-c', script];

for (const [name, script, code, signal] of [
  ['an exit code', 'exit 7', 7, 0],
  ['success', 'exit 0', 0, 0],
  ['a signal', 'kill -KILL $$', 137, 9],
] as const) {
  test(`the exit record tells ${name}, in the event and on disk`, async (t) => {
    const { dir, exit } = await run(t, { argv: sh(script) });
    const told = await exit;
    assert.equal(told.code, code);
    assert.equal(told.signal, signal);
    assert.ok(told.finishedAtNs >= told.startedAtNs);
    const watched = watch();
    assert.deepEqual(await launcher.find(ctx, { id: 'test', directory: dir, hooks: watched.hooks }), {
      kind: 'exited',
      exit: told,
    });
  });
}

test('a program that does not exist fails the launch with its step', async (t) => {
  await assert.rejects(run(t, { argv: ['/no/such/program'] }), /no\/such\/program/);
});

test('a client attached before the start sees the first byte, framed by stream', async (t) => {
  const { clients } = await run(t, { argv: sh('printf out; printf err >&2') }, [
    { options: { ...ALL, framed: true } },
  ]);
  const received = await text(clients[0] as Socket);
  assert.ok(received.includes('\x01\0\0\0\0\0\0\x03out'), JSON.stringify(received));
  assert.ok(received.includes('\x02\0\0\0\0\0\0\x03err'), JSON.stringify(received));
});

test('a client gets only the streams that it asked for', async (t) => {
  const { clients } = await run(t, { argv: sh('printf out; printf err >&2') }, [
    { options: { ...ALL, stdout: false } },
  ]);
  assert.equal(await text(clients[0] as Socket), 'err');
});

test('stdin that is served once ends with its client, and early bytes are not lost', async (t) => {
  const { clients, exit } = await run(t, { argv: ['/bin/cat'], stdin: 'once' }, [
    { options: ALL, head: 'early ' },
  ]);
  clients[0]?.end('late');
  assert.equal(await text(clients[0] as Socket), 'early late');
  assert.equal((await exit).code, 0);
});

test('stdin that is kept open survives its clients', async (t) => {
  const { clients, shim, exit } = await run(t, { argv: ['/bin/cat'], stdin: 'open' }, [{ options: ALL }]);
  clients[0]?.destroy();
  await sleep(50);
  const second = await clientPair(t);
  shim.attach({ socket: second.served, head: Buffer.from(''), options: ALL });
  second.client.write('again');
  const [data] = (await Array.fromAsync(second.client.take(1))) as Buffer[];
  assert.equal(data?.toString(), 'again');
  shim.closeStdin();
  assert.equal((await exit).code, 0);
});

test('detach keys end the session and leave the process', async (t) => {
  const { clients, detached, shim, exit } = await run(t, { argv: ['/bin/cat'], stdin: 'once' }, [
    { options: ALL },
  ]);
  const [client] = clients as [Socket];
  const received = text(client);
  client.write('a\x10b');
  await sleep(50);
  client.write('\x10\x11');
  assert.equal(await received, 'a\x10b');
  assert.deepEqual(detached, ['keys']);
  await shim.signal(ctx, 15);
  assert.equal((await exit).signal, 15);
  await assert.rejects(shim.signal(ctx, 15), { code: 'not-found' });
});

test('a slow reader holds up neither the process nor its log, and loses nothing', async (t) => {
  const dir = await directory(t);
  const megabytes = 8;
  const { clients, exit } = await run(
    t,
    {
      argv: sh(`yes 0123456789abcde | head -c ${megabytes << 20}`),
      log: { path: join(dir, 'log'), maxBytes: 0, maxFiles: 1 },
    },
    [{ options: ALL }],
  );
  const [client] = clients as [Socket];
  client.pause();
  assert.equal((await exit).code, 0);
  const received = await text(client);
  assert.equal(received.length, megabytes << 20);
  assert.ok(received === '0123456789abcde\n'.repeat((megabytes << 20) / 16));
});

test('without a log a slow reader holds the process up instead, and loses nothing', async (t) => {
  const { clients, exit } = await run(t, { argv: sh('yes 0123456789abcde | head -c 4194304') }, [
    { options: ALL },
  ]);
  const [client] = clients as [Socket];
  client.pause();
  const early = await Promise.race([exit.then(() => 'exited'), sleep(300, 'held up')]);
  assert.equal(early, 'held up');
  assert.equal((await text(client)).length, 4 << 20);
  assert.equal((await exit).code, 0);
});

test('a descendant that holds stdout open does not hang the exit', async (t) => {
  const before = performance.now();
  const { exit, clients } = await run(t, { argv: sh('sleep 5 & echo done') }, [{ options: ALL }]);
  assert.equal(await text(clients[0] as Socket), 'done\n');
  assert.equal((await exit).code, 0);
  assert.ok(performance.now() - before < 3000);
});

test('the log is docker json-file, escaped and split', async (t) => {
  const dir = await directory(t);
  const path = join(dir, 'log');
  const { exit } = await run(t, {
    argv: sh(
      `printf '<a>&"\\\\\\t\\001\\377\\303\\244\\n'; head -c 20000 /dev/zero | tr '\\0' x; echo; echo err >&2; printf open`,
    ),
    log: { path, maxBytes: 0, maxFiles: 1, attrs: '{"k":"v"}' },
  });
  await exit;
  const raw = await readFile(path, 'utf8');
  assert.ok(
    raw.startsWith(
      '{"log":"\\u003ca\\u003e\\u0026\\"\\\\\\t\\u0001\\ufffdä\\n","stream":"stdout","attrs":{"k":"v"},"time":"',
    ),
    raw.slice(0, 120),
  );
  const entries = raw
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { log: string; stream: string; time: string });
  const out = entries.filter(({ stream }) => stream === 'stdout').map(({ log }) => log.length);
  assert.deepEqual(out, [11, 16384, 20000 - 16384 + 1, 4]);
  assert.deepEqual(
    entries.filter(({ stream }) => stream === 'stderr').map(({ log }) => log),
    ['err\n'],
  );
  assert.match(entries[0]?.time ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
});

test('the log rotates and keeps so many files', async (t) => {
  const dir = await directory(t);
  const { exit } = await run(t, {
    argv: sh('i=0; while [ $i -lt 200 ]; do echo line $i; i=$((i+1)); done'),
    log: { path: join(dir, 'log'), maxBytes: 2000, maxFiles: 3 },
  });
  await exit;
  assert.deepEqual((await readdir(dir)).toSorted(), ['log', 'log.1', 'log.2']);
  const files = await Promise.all(['log.2', 'log.1', 'log'].map((name) => readFile(join(dir, name), 'utf8')));
  assert.ok(files.every((file) => file.length <= 2000));
  const numbers = files
    .join('')
    .trimEnd()
    .split('\n')
    .map((line) => Number(/line (\d+)/.exec(line)?.[1]));
  assert.equal(numbers.at(-1), 199);
  numbers.reduce((last, next) => (assert.equal(next, last + 1), next));
});

test('a pty echoes, resizes and reports its size', async (t) => {
  const { shim, clients, exit } = await run(t, { argv: sh('read x; stty size'), tty: true, stdin: 'open' }, [
    { options: ALL },
  ]);
  await shim.resize(ctx, { rows: 33, columns: 99 });
  clients[0]?.write('go\n');
  assert.match(await text(clients[0] as Socket), /go\r\n33 99\r\n/);
  assert.equal((await exit).code, 0);
});

test('a live shim is found again by its directory, with its process', async (t) => {
  const { dir, shim, exit } = await run(t, { argv: ['/bin/sleep', '20'] });
  const watched = watch();
  const found = await launcher.find(ctx, { id: 'test', directory: dir, hooks: watched.hooks });
  assert.ok(found?.kind === 'live');
  assert.equal(found.shim.pid, shim.pid);
  await found.shim.signal(ctx, 9);
  assert.equal((await watched.exit).signal, 9);
  assert.equal((await exit).signal, 9);
  assert.equal(
    await launcher.find(ctx, { id: 'x', directory: join(dir, 'none'), hooks: watched.hooks }),
    undefined,
  );
});

test('a full disk neither blocks nor kills, is told, and logging resumes with whole lines', async (t) => {
  const small = await mkdtemp(join(tmpdir(), 'wherry-small-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', small]);
  t.after(() => {
    execFileSync('umount', ['--lazy', small]);
    rmdirSync(small);
  });
  execFileSync('dd', ['if=/dev/zero', `of=${small}/ballast`, 'bs=4k', 'count=12'], { stdio: 'ignore' });
  const { exit, logErrors, clients } = await run(
    t,
    {
      argv: sh('i=0; while [ $i -lt 1000 ]; do echo line $i; i=$((i+1)); done; read x; echo after; read x'),
      stdin: 'open',
      log: { path: join(small, 'log'), maxBytes: 0, maxFiles: 1 },
    },
    [{ options: ALL }],
  );
  const [client] = clients as [Socket];
  let seen = '';
  client.on('data', (data: Buffer) => (seen += data.toString()));
  while (!seen.includes('line 999')) await sleep(10);
  assert.equal(logErrors[0], 'ENOSPC');
  await rm(join(small, 'ballast'));
  // It takes a second without a failure to count as written again.
  await sleep(1_100);
  client.write('\n');
  while (!seen.includes('after')) await sleep(10);
  assert.equal(logErrors.at(-1), undefined);
  client.write('\n');
  assert.equal((await exit).code, 0);
  const lines = (await readFile(join(small, 'log'), 'utf8')).trimEnd().split('\n');
  assert.ok(lines.every((line) => typeof (JSON.parse(line) as { log: string }).log === 'string'));
  assert.match(lines.at(-1) ?? '', /"after\\n"/);
});

test('more clients than the table holds are turned away, the others are served', async (t) => {
  const { clients, detached, exit } = await run(
    t,
    { argv: sh('read x; echo bye'), stdin: 'open' },
    Array.from({ length: 140 }, () => ({ options: ALL })),
  );
  clients[0]?.write('\n');
  const texts = await Promise.all(clients.map(text));
  assert.equal((await exit).code, 0);
  assert.equal(texts.filter((received) => received === 'bye\n').length, 128);
  assert.equal(detached.filter((reason) => reason === 'error').length, 12);
});

test('the shim holds only what it needs: no descriptor of ours, none in the process', async (t) => {
  const { shim } = await run(t, { argv: ['/bin/sleep', '20'] });
  // The loader opens libraries for a moment; what was passed on stays.
  await eventually('the process has its stdio alone', async () => {
    const open = await readdir(`/proc/${shim.pid}/fd`);
    return open.toSorted().join(' ') === '0 1 2';
  });
  const parent = /PPid:\s+(\d+)/.exec(await readFile(`/proc/${shim.pid}/status`, 'utf8'))?.[1];
  // null x3, control, directory, signals, report gone, stdout, stderr, listener
  assert.ok((await readdir(`/proc/${parent}/fd`)).length <= 10);
});

test('a client of a launch that failed is still the caller’s, to be told why', async (t) => {
  const dir = await directory(t);
  const { client, served } = await clientPair(t);
  const launch = launcher.launch(ctx, {
    id: 'test',
    directory: dir,
    plan: hostProcessPlan({ directory: dir, argv: ['/no/such/program'] }),
    attach: [{ options: ALL, head: Buffer.alloc(0), socket: served }],
    hooks: watch().hooks,
  });
  await assert.rejects(launch, /no\/such\/program/);
  served.end('why');
  assert.equal(await text(client), 'why');
});

test('a process that does not read its stdin costs nobody his shim', async (t) => {
  const { clients, exit } = await run(t, { argv: sh('echo early'), stdin: 'once' }, [{ options: ALL }]);
  const [client] = clients as [Socket];
  client.write(Buffer.alloc(3_000_000));
  assert.equal(await text(client), 'early\n');
  assert.equal((await exit).code, 0);
});

test('many clients before the start of a process with a pty are all served', async (t) => {
  const { clients, exit } = await run(
    t,
    { argv: sh('echo hello'), tty: true },
    Array.from({ length: 12 }, () => ({ options: ALL })),
  );
  for (const received of await Promise.all(clients.map(text))) assert.equal(received, 'hello\r\n');
  assert.equal((await exit).code, 0);
});
