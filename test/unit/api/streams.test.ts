import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { test } from 'node:test';
import { text } from 'node:stream/consumers';
import { fakeDaemon } from '../../lib/fake-daemon.ts';

/** Resolves with the answer's head; its body is still to come. */
async function ask(socketPath: string, method: string, path: string): Promise<IncomingMessage> {
  const sent = request({ socketPath, method, path, agent: false });
  sent.end();
  const [answer] = (await once(sent, 'response', { signal: AbortSignal.timeout(3000) })) as [IncomingMessage];
  return answer;
}

test('wait answers its headers at once and its body at the exit', async (t) => {
  const { engine, socket } = await fakeDaemon(t);
  engine.addContainer('web');
  const answer = await ask(socket, 'POST', '/v1.51/containers/web/wait?condition=next-exit');
  assert.equal(answer.statusCode, 200);
  assert.equal(answer.headers['content-type'], 'application/json');
  assert.deepEqual(engine.calls.at(-1)?.args.slice(1), ['next-exit']);
  engine.exit(3);
  assert.equal(await text(answer), '{"StatusCode":3}\n');
});

test('wait refuses what it does not know, and knows nothing before 1.30', async (t) => {
  const { engine, socket } = await fakeDaemon(t);
  engine.addContainer('web');
  const unknown = await ask(socket, 'POST', '/containers/web/wait?condition=later');
  assert.equal(unknown.statusCode, 400);
  assert.equal(await text(unknown), '{"message":"invalid condition: \\"later\\""}\n');
  assert.equal((await ask(socket, 'POST', '/containers/none/wait')).statusCode, 404);
  const old = ask(socket, 'POST', '/v1.29/containers/web/wait?condition=removed');
  while (engine.calls.at(-1)?.name !== 'wait') await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(engine.calls.at(-1)?.args.slice(1), ['not-running']);
  engine.exit(0);
  assert.equal(await text(await old), '{"StatusCode":0}\n');
});

test('events go out from the moment that the headers do, until the client leaves', async (t) => {
  const { engine, socket } = await fakeDaemon(t);
  const answer = await ask(socket, 'GET', '/v1.51/events?since=1&filters={"type":["container"]}');
  assert.equal(engine.calls.at(-1)?.name, 'subscribe');
  const [line] = (await once(answer, 'data')) as [Buffer];
  assert.match(String(line), /,"time":1700000000,"timeNano":1700000000123456789\}\n$/);
  const { status, id, from, Type, Action, Actor, scope } = JSON.parse(String(line));
  assert.deepEqual([status, id, from], ['start', Actor.ID, 'busybox:latest']);
  assert.deepEqual([Type, Action, scope, Actor.Attributes.name], ['container', 'start', 'local', 'web']);
  answer.destroy();
});

test("events match docker's filters", async (t) => {
  const { socket } = await fakeDaemon(t);
  const cases: [filters: string, actions: string[]][] = [
    ['{}', ['start', 'connect']],
    ['{"type":["network"]}', ['connect']],
    ['{"event":["start"]}', ['start']],
    ['{"event":["sta"]}', []],
    ['{"event":["exec_start","sta"]}', ['start']],
    ['{"container":["web"]}', ['start']],
    ['{"container":["cccc"]}', ['start']],
    ['{"image":["busybox"]}', ['start']],
    ['{"network":["bridge"]}', ['connect']],
    ['{"label":["name=web"]}', ['start']],
    ['{"scope":["swarm"]}', []],
  ];
  for (const [filters, actions] of cases) {
    const body = await text(await ask(socket, 'GET', `/events?until=1800000000&filters=${filters}`));
    const found = body.split('\n').filter((line) => line !== '');
    assert.deepEqual(
      found.map((line) => (JSON.parse(line) as { Action: string }).Action),
      actions,
      filters,
    );
  }
  assert.equal((await ask(socket, 'GET', '/events?since=5&until=4')).statusCode, 400);
});

test('logs are frames, raw with a tty', async (t) => {
  const { engine, socket } = await fakeDaemon(t);
  const { config } = engine.addContainer('web');
  engine.addContainer('term', { config: { ...config, tty: true } });
  const framed = await ask(
    socket,
    'GET',
    '/containers/web/logs?stdout=1&stderr=1&tail=5&since=1.5&timestamps=1',
  );
  assert.equal(framed.headers['content-type'], 'application/vnd.docker.multiplexed-stream');
  assert.equal(await text(framed), '\u0001\0\0\0\0\0\0\u0004out\n\u0002\0\0\0\0\0\0\u0004err\n');
  assert.deepEqual(engine.calls.at(-1)?.args[0], {
    stdout: true,
    stderr: true,
    follow: false,
    timestamps: true,
    details: false,
    tail: 5,
    sinceNs: 1_500_000_000n,
    untilNs: undefined,
  });
  const raw = await ask(socket, 'GET', '/containers/term/logs?stdout=1&follow=1&tail=all');
  assert.equal(raw.headers['content-type'], 'application/vnd.docker.raw-stream');
  assert.equal(await text(raw), 'out\n');
  const old = await ask(socket, 'GET', '/v1.41/containers/web/logs?stderr=1');
  assert.equal(old.headers['content-type'], 'application/vnd.docker.raw-stream');
  old.resume();
  assert.equal((await ask(socket, 'GET', '/containers/web/logs')).statusCode, 400);
  assert.equal((await ask(socket, 'GET', '/containers/none/logs?stdout=1')).statusCode, 404);
});

test('load streams the archive in and its progress out', async (t) => {
  const { engine, socket } = await fakeDaemon(t);
  const sent = request({ socketPath: socket, method: 'POST', path: '/images/load?quiet=1', agent: false });
  const bytes = 5_000_000;
  sent.end(Buffer.alloc(bytes));
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  assert.equal(answer.headers['content-type'], 'application/json');
  assert.equal(await text(answer), '{"stream":"Loaded image: busybox:latest\\n"}\r\n');
  assert.deepEqual(engine.calls.at(-1)?.args, [bytes]);
});

test('verbs pass on what the query says', async (t) => {
  const { engine, app } = await fakeDaemon(t);
  engine.addContainer('web');
  const cases: [url: string, status: number, call: unknown[] | undefined][] = [
    ['/containers/web/stop?t=5&signal=INT', 204, ['web', { signal: 'INT', timeoutS: 5 }]],
    ['/v1.41/containers/web/stop?t=-1&signal=INT', 204, ['web', { signal: undefined, timeoutS: -1 }]],
    ['/containers/web/restart', 204, ['web', { signal: undefined, timeoutS: undefined }]],
    ['/containers/web/kill', 204, ['web', 'KILL']],
    ['/containers/web/kill?signal=9', 204, ['web', '9']],
    ['/containers/web/resize?h=24&w=80', 200, ['web', { rows: 24, columns: 80 }]],
    ['/containers/web/rename?name=db', 204, ['web', 'db']],
    ['/images/a/b:1/tag?repo=c/d&tag=2', 201, ['a/b:1', 'c/d:2']],
    ['/containers/web/stop?t=x', 400, undefined],
    ['/containers/web/resize?h=24', 400, undefined],
    ['/containers/web/start', 204, ['web']],
  ];
  for (const [url, status, call] of cases) {
    const before = engine.calls.length;
    const answer = await app.inject({ method: 'POST', url });
    assert.equal(answer.statusCode, status, `${url} ${answer.body}`);
    assert.deepEqual(engine.calls.slice(before)[0]?.args, call, url);
  }
  const gone = await app.inject({ method: 'POST', url: '/containers/none/kill' });
  assert.deepEqual(
    [gone.statusCode, gone.json()],
    [404, { message: 'cannot kill container: none: No such container: none' }],
  );
  const removed = await app.inject({ method: 'DELETE', url: '/containers/web?force=1&v=1' });
  assert.equal(removed.statusCode, 204);
  assert.deepEqual(engine.calls.at(-1)?.args, ['web', { force: true, volumes: true }]);
});

test('what docker has and we have not says so', async (t) => {
  const { app } = await fakeDaemon(t);
  const cases: [method: 'GET' | 'POST' | 'DELETE', url: string, status: number, message: RegExp][] = [
    ['POST', '/images/create?fromSrc=ftp://x/y.tar', 400, /^cannot import from "ftp:\/\/x\/y.tar": /],
    ['POST', '/build', 501, /^Building an image is not supported yet$/],
    ['GET', '/services', 503, /^This node is not a swarm manager\. /],
    ['GET', '/swarm', 503, /^This node is not a swarm manager\. /],
    ['DELETE', '/v1.51/nodes/x', 503, /^This node is not a swarm manager\. /],
    ['POST', '/swarm/leave', 503, /^This node is not part of a swarm$/],
    ['POST', '/swarm/init', 501, /^Swarm mode is not supported/],
    ['POST', '/plugins/x/enable', 404, /^plugin "x" not found$/],
    ['DELETE', '/plugins/x', 404, /^plugin "x" not found$/],
    ['POST', '/plugins/create', 501, /^Making a plugin is not supported yet$/],
  ];
  for (const [method, url, status, message] of cases) {
    const answer = await app.inject({ method, url });
    assert.equal(answer.statusCode, status, url);
    assert.match(answer.json().message, message);
  }
});
