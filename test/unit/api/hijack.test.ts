import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fakeDaemon } from '../../lib/fake-daemon.ts';

/** Sends the parts one after another, ends its side, and resolves with everything that came until the other side ended too. */
async function talk(socket: string, parts: readonly string[]): Promise<string> {
  const client = connect({ path: socket, allowHalfOpen: true });
  let answer = '';
  client.on('data', (data: Buffer) => (answer += data.toString('latin1')));
  const ended = once(client, 'end', { signal: AbortSignal.timeout(5000) });
  for (const part of parts) {
    client.write(part);
    await delay(30);
  }
  client.end();
  await ended;
  client.destroy();
  return answer;
}

const request = (url: string, headers: readonly string[]): string =>
  [`POST ${url} HTTP/1.1`, 'Host: docker', ...headers, '', ''].join('\r\n');

const UPGRADE = ['Connection: Upgrade', 'Upgrade: tcp'];
const JSON_BODY = ['Content-Type: application/json'];
const frames = (...texts: string[]): string =>
  texts.map((text) => `\u0001\0\0\0\0\0\0${String.fromCharCode(text.length)}${text}`).join('');

function split(answer: string): { head: string; stream: string } {
  const end = answer.indexOf('\r\n\r\n');
  return { head: answer.slice(0, end), stream: answer.slice(end + 4) };
}

test('attach turns the connection into a stream, with Upgrade and without', async (t) => {
  const { engine, socket } = await fakeDaemon(t);
  engine.addContainer('web');
  const cases: [version: string, headers: readonly string[], head: RegExp, type: string][] = [
    ['/v1.51', UPGRADE, /^HTTP\/1.1 101 UPGRADED/, 'multiplexed'],
    ['/v1.42', UPGRADE, /^HTTP\/1.1 101 UPGRADED/, 'multiplexed'],
    ['/v1.41', UPGRADE, /^HTTP\/1.1 101 UPGRADED/, 'raw'],
    ['', [], /^HTTP\/1.1 200 OK/, 'raw'],
  ];
  for (const [version, headers, status, type] of cases) {
    const url = `${version}/containers/web/attach?stream=1&stdin=1&stdout=1`;
    const { head, stream } = split(await talk(socket, [request(url, headers), 'hello']));
    assert.match(head, status);
    assert.match(head, new RegExp(`Content-Type: application/vnd.docker.${type}-stream`));
    assert.equal(/\r\nUpgrade: tcp/.test(head), headers.length > 0);
    assert.equal(stream, frames('hello'));
  }
  assert.deepEqual(engine.calls.find(({ name }) => name === 'attach')?.args.slice(1), [
    true,
    true,
    false,
    true,
  ]);
});

test("a tty's stream has no frames and says so", async (t) => {
  const { engine, socket } = await fakeDaemon(t);
  const { config } = engine.addContainer('plain');
  engine.addContainer('term', { config: { ...config, tty: true } });
  const { head, stream } = split(
    await talk(socket, [request('/containers/term/attach?stream=1', UPGRADE), 'hello']),
  );
  assert.match(head, /application\/vnd.docker.raw-stream/);
  assert.equal(stream, 'hello');
});

test('exec start: however its body comes, what follows it is stdin', async (t) => {
  const { engine, app, socket } = await fakeDaemon(t);
  engine.addContainer('web');
  const start = async (headers: readonly string[]): Promise<string> => {
    const made = await app.inject({
      method: 'POST',
      url: '/containers/web/exec',
      payload: { Cmd: ['cat'], AttachStdin: true },
    });
    return request(`/v1.51/exec/${made.json().Id}/start`, [...JSON_BODY, ...headers]);
  };
  const LENGTH = 'Content-Length: 2';
  const CHUNKED = 'Transfer-Encoding: chunked';
  const chunks = '1\r\n{\r\n1\r\n}\r\n0\r\n\r\n';
  const cases: [name: string, parts: readonly string[], stdin: string[]][] = [
    ['one packet', [`${await start([LENGTH, ...UPGRADE])}{}`, 'late'], ['late']],
    [
      'early data in the same packet',
      [`${await start([LENGTH, ...UPGRADE])}{}early`, 'late'],
      ['early', 'late'],
    ],
    [
      'early data that looks like HTTP',
      [`${await start([LENGTH, ...UPGRADE])}{}GET / HTTP/1.1\r\n\r\n`],
      ['GET / HTTP/1.1\r\n\r\n'],
    ],
    ['head and body apart', [await start([LENGTH, ...UPGRADE]), '{}', 'late'], ['late']],
    ['body and early data apart', [await start([LENGTH, ...UPGRADE]), '{}early', 'late'], ['early', 'late']],
    ['body in halves', [`${await start([LENGTH, ...UPGRADE])}{`, '}', 'late'], ['late']],
    ['chunked', [`${await start([CHUNKED, ...UPGRADE])}${chunks}`, 'late'], ['late']],
    [
      'chunked in pieces',
      [await start([CHUNKED, ...UPGRADE]), chunks.slice(0, 8), `${chunks.slice(8)}early`],
      ['early'],
    ],
    ['without Upgrade', [`${await start([LENGTH])}{}`, 'late'], ['late']],
    ['without Upgrade, apart', [await start([LENGTH]), '{}', 'late'], ['late']],
  ];
  for (const [name, parts, stdin] of cases) {
    assert.equal(split(await talk(socket, parts)).stream, frames(...stdin), name);
  }
});

test('a connection that served ordinary requests can still be taken over', async (t) => {
  const { engine, socket } = await fakeDaemon(t);
  engine.addContainer('web');
  const ping = 'GET /_ping HTTP/1.1\r\nHost: docker\r\n\r\n';
  const answer = await talk(socket, [
    ping,
    ping,
    request('/containers/web/attach?stream=1&stdin=1', UPGRADE),
    'hello',
  ]);
  assert.equal(answer.split('HTTP/1.1 200 OK').length, 3);
  assert.ok(answer.endsWith(frames('hello')), answer);
});

test('an Upgrade header elsewhere changes nothing', async (t) => {
  const { socket } = await fakeDaemon(t);
  const answer = await talk(socket, [
    'GET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n',
  ]);
  assert.match(answer, /^HTTP\/1.1 200 OK[\s\S]*OK$/);
});

test('what is wrong is said before the connection is a stream', async (t) => {
  const { engine, app, socket } = await fakeDaemon(t);
  engine.addContainer('web');
  const made = await app.inject({ method: 'POST', url: '/containers/web/exec', payload: { Cmd: ['true'] } });
  const { Id } = made.json();
  await talk(socket, [
    request(`/exec/${Id}/start`, [...JSON_BODY, 'Content-Length: 15']) + '{"Detach":true}',
  ]);
  const body = [...JSON_BODY, ...UPGRADE, 'Content-Length: 2'];
  const cases: [parts: string, status: number, message: string][] = [
    [request('/containers/none/attach', UPGRADE), 404, 'No such container: none'],
    [`${request('/exec/none/start', body)}{}`, 404, 'No such exec instance: none'],
    [`${request(`/exec/${Id}/start`, body)}{}`, 409, `exec command ${Id} has already run`],
    [`${request(`/exec/${Id}/start`, body)}xx`, 400, 'invalid JSON'],
    [
      `${request(`/exec/${Id}/start`, ['Content-Type: text/plain', 'Content-Length: 2'])}{}`,
      400,
      'unsupported Content-Type',
    ],
    [request('/v1.99/containers/web/attach', UPGRADE), 400, 'client version 1.99 is too new'],
  ];
  for (const [part, status, message] of cases) {
    const { head, stream } = split(await talk(socket, [part]));
    assert.match(head, new RegExp(`^HTTP/1.1 ${status} `));
    assert.match(head, /Content-Type: application\/json/);
    assert.ok(JSON.parse(stream).message.startsWith(message), stream);
  }
});

test('a program that does not start says why in the stream', async (t) => {
  const { engine, app, socket } = await fakeDaemon(t);
  engine.addContainer('web');
  const made = await app.inject({
    method: 'POST',
    url: '/containers/web/exec',
    payload: { Cmd: ['missing'] },
  });
  const part = request(`/exec/${made.json().Id}/start`, [...JSON_BODY, ...UPGRADE, 'Content-Length: 2']);
  const { head, stream } = split(await talk(socket, [`${part}{}`]));
  assert.match(head, /101 UPGRADED/);
  assert.equal(stream, frames('exec: "missing": executable file not found in $PATH\r\n'));
});
