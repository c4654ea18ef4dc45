import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';

const MAIN = join(import.meta.dirname, '../../../cli/main.ts');
const ID = 'c'.repeat(64);

interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function wherry(
  args: readonly string[],
  options: { readonly host: string; readonly input?: string },
): Promise<Ran> {
  const child = spawn(process.execPath, ['--', MAIN, '-H', options.host, ...args], {
    env: { ...process.env, NODE_OPTIONS: '', NODE_EXTRA_CA_CERTS: '' },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (bytes: Buffer) => (stdout += bytes.toString()));
  child.stderr.on('data', (bytes: Buffer) => (stderr += bytes.toString()));
  child.stdin.end(options.input ?? '');
  return new Promise((resolve) => child.on('close', (status) => resolve({ status, stdout, stderr })));
}

type Answer = readonly [status: number, body: unknown];

/** A daemon that answers by a table, keeps an account of the requests, and hands hijacked connections to `stream`. */
async function daemonOf(
  t: TestContext,
  answers: Readonly<Record<string, Answer | (() => Promise<Answer>)>>,
  stream: (socket: Socket, input: Promise<string>) => void = () => undefined,
) {
  const directory = mkdtempSync(join(tmpdir(), 'w-'));
  const seen: string[] = [];
  const bodies: Record<string, unknown> = {};
  const server = createServer((request, response) => void answer(request, response));
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const key = keyOf(request);
    seen.push(key);
    let body = '';
    for await (const bytes of request) body += String(bytes);
    if (body !== '') bodies[key] = JSON.parse(body);
    const entry = answers[key] ?? [404, { message: 'page not found' }];
    if (typeof entry === 'function')
      response.writeHead(200, { 'Content-Type': 'application/json' }).flushHeaders();
    const [status, json] = typeof entry === 'function' ? await entry() : entry;
    if (!response.headersSent) response.writeHead(status, { 'Content-Type': 'application/json' });
    response.end(json === undefined ? '' : JSON.stringify(json));
  };
  server.on('upgrade', (request, socket: Socket) => {
    seen.push(keyOf(request));
    socket.write('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n');
    let input = '';
    socket.on('data', (bytes) => (input += bytes.toString()));
    stream(socket, new Promise((resolve) => socket.on('end', () => resolve(input))));
  });
  await new Promise<void>((resolve) => server.listen(join(directory, 's'), resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
    rmSync(directory, { recursive: true });
  });
  return { host: `unix://${join(directory, 's')}`, seen, bodies };
}

const keyOf = ({ method, url = '' }: IncomingMessage): string =>
  `${method} ${url.replace(/\?.*/, '').replace(ID, 'ID')}`;

function frame(stream: number, text: string): Buffer {
  const header = Buffer.from([stream, 0, 0, 0, 0, 0, 0, text.length]);
  return Buffer.concat([header, Buffer.from(text)]);
}

const created: Answer = [201, { Id: ID, Warnings: ['careful'] }];

suite('run', () => {
  test('listens before it starts, keeps the outputs apart and ends like the container', async (t) => {
    const exit = Promise.withResolvers<Answer>();
    const daemon = await daemonOf(
      t,
      {
        'POST /containers/create': created,
        'POST /containers/ID/wait': () => exit.promise,
        'POST /containers/ID/start': [204, undefined],
      },
      (socket, input) =>
        void input.then((text) => {
          socket.end(Buffer.concat([frame(1, `got ${text}`), frame(2, 'oops')]));
          exit.resolve([200, { StatusCode: 7 }]);
        }),
    );
    const ran = await wherry(['run', '-i', 'busybox', 'cat'], { host: daemon.host, input: 'typed' });
    assert.deepEqual(ran, { status: 7, stdout: 'got typed', stderr: 'WARNING: careful\noops' });
    assert.equal(daemon.seen[0], 'POST /containers/create');
    assert.equal(daemon.seen.at(-1), 'POST /containers/ID/start');
    assert.deepEqual(daemon.seen.slice(1, 3).sort(), [
      'POST /containers/ID/attach',
      'POST /containers/ID/wait',
    ]);
    assert.deepEqual((daemon.bodies['POST /containers/create'] as { Cmd: unknown }).Cmd, ['cat']);
  });

  const failures: readonly [string, number][] = [
    ['exec: "x": executable file not found in $PATH', 127],
    ['exec: "x": permission denied', 126],
    ['cannot do that', 125],
  ];
  for (const [message, status] of failures) {
    test(`a failed start: ${status}`, async (t) => {
      const daemon = await daemonOf(t, {
        'POST /containers/create': [201, { Id: ID, Warnings: [] }],
        'POST /containers/ID/wait': () => new Promise<Answer>(() => {}),
        'POST /containers/ID/start': [400, { message }],
      });
      assert.deepEqual(await wherry(['run', 'busybox', 'x'], daemon), {
        status,
        stdout: '',
        stderr: `wherry: Error response from daemon: ${message}\n\nRun 'wherry run --help' for more information\n`,
      });
    });
  }

  test('in the background it prints the id', async (t) => {
    const daemon = await daemonOf(t, {
      'POST /containers/create': [201, { Id: ID, Warnings: null }],
      'POST /containers/ID/start': [204, undefined],
    });
    assert.deepEqual(await wherry(['run', '-d', 'busybox'], daemon), {
      status: 0,
      stdout: `${ID}\n`,
      stderr: '',
    });
  });

  test('a missing image that nobody can pull is told as missing', async (t) => {
    const daemon = await daemonOf(t, {
      'POST /containers/create': [404, { message: 'No such image: x:latest' }],
    });
    const { status, stderr } = await wherry(['run', 'x'], daemon);
    assert.equal(status, 125);
    assert.match(
      stderr,
      /^Unable to find image 'x:latest' locally\nwherry: Error response from daemon: No such image/,
    );
  });
});

test('exec ends with the code of the command', async (t) => {
  const daemon = await daemonOf(
    t,
    { 'POST /containers/c/exec': [201, { Id: 'e1' }], 'GET /exec/e1/json': [200, { ExitCode: 9 }] },
    (socket) => socket.end(frame(1, 'out')),
  );
  assert.deepEqual(await wherry(['exec', 'c', 'ls'], daemon), { status: 9, stdout: 'out', stderr: '' });
});

test('several containers: names of those that went well, then the errors', async (t) => {
  const daemon = await daemonOf(t, {
    'POST /containers/a/stop': [204, undefined],
    'POST /containers/b/stop': [404, { message: 'No such container: b' }],
    'POST /containers/c/stop': [304, undefined],
  });
  assert.deepEqual(await wherry(['stop', 'b', 'a', 'c'], daemon), {
    status: 1,
    stdout: 'a\nc\n',
    stderr: 'Error response from daemon: No such container: b\n',
  });
});

suite('without a daemon', () => {
  const host = 'unix:///nope/w.sock';
  const table: readonly [readonly string[], number, RegExp][] = [
    [
      ['ps'],
      1,
      /^Cannot connect to the Wherry daemon at unix:\/\/\/nope\/w\.sock\. Is the wherry daemon running\?\n$/,
    ],
    [['run', 'x'], 125, /^wherry: Cannot connect to the Wherry daemon/],
    [
      ['ps', '--foo'],
      125,
      /^unknown flag: --foo\n\nUsage: {2}wherry ps \[OPTIONS\]\n\nRun 'wherry ps --help'/,
    ],
    [['run'], 1, /^wherry: 'wherry run' requires at least 1 argument\n/],
    [['nope'], 1, /^wherry: unknown command: wherry nope\n/],
    [['container', 'nope'], 1, /^wherry: unknown command: wherry container nope\n/],
    [['run', '--env-file', '/nope', 'x'], 125, /^wherry: open \/nope: no such file or directory\n/],
    [['inspect', '-f', '{{.X', 'y'], 64, /^template parsing error: template: :1: unclosed action\n$/],
  ];
  for (const [args, status, message] of table) {
    test(args.join(' '), async () => {
      const ran = await wherry(args, { host });
      assert.match(ran.stderr, message);
      assert.equal(ran.status, status);
    });
  }

  test('every command has its help', async () => {
    const { commands, groups } = await import('../../../cli/commands.ts');
    const all = [commands, ...Object.values(groups).map((group) => group.commands)];
    for (const [name, entry] of all.flatMap((entries) => Object.entries(entries))) {
      const { usage, flags } = await entry.load();
      assert.ok((usage !== '' || name === 'show') && entry.summary !== '', name);
      const shorts = Object.values(flags).flatMap(({ short }) => short ?? []);
      assert.equal(new Set(shorts).size, shorts.length, `${name} has a letter twice`);
    }
    const { stdout, status } = await wherry(['image', 'ls', '--help'], { host });
    assert.equal(status, 0);
    assert.match(
      stdout,
      /^Usage: {2}wherry image ls \[OPTIONS\] \[REPOSITORY\[:TAG\]\]\n\nList images\n\nAliases:\n/,
    );
  });
});
