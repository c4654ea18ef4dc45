import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import WebSocket from 'ws';
import { eventually } from '../lib/process.ts';
import { rest } from '../lib/rest.ts';
import { daemonSuite } from '../lib/suite.ts';

interface Session {
  readonly websocket: WebSocket;
  /** All that came, and whether each message was binary. */
  readonly got: { text: string; binary: boolean[] };
  /** The code that the other side closed with. */
  readonly closed: Promise<number>;
}

daemonSuite('attach/ws', (daemon) => {
  const open = async (id: string, query: string, version = ''): Promise<Session> => {
    const url = `ws+unix:${daemon().socket}:${version}/containers/${id}/attach/ws?${query}`;
    const websocket = new WebSocket(url);
    const got = { text: '', binary: [] as boolean[] };
    websocket.on('message', (data: Buffer, binary) => {
      got.text += data.toString();
      got.binary.push(binary);
    });
    const closed = once(websocket, 'close').then(([code]) => code as number);
    closed.catch(() => {});
    await once(websocket, 'open');
    return { websocket, got, closed };
  };
  const ALL = 'stream=1&stdin=1&stdout=1&stderr=1';

  test('carries stdin and both outputs as they are, without frames, until the end', async () => {
    const script = 'echo ready; while read l; do [ $l = end ] && exit; echo out $l; echo err $l >&2; done';
    const id = await daemon().dockerOk('create', '-i', 'busybox', 'sh', '-c', script);
    const { websocket, got, closed } = await open(id, ALL);
    await daemon().dockerOk('start', id);
    await eventually('it is ready', () => got.text === 'ready\n');
    websocket.send('text\n');
    websocket.send(Buffer.from('bytes\n'));
    await eventually('it answers', () => got.text.match(/(out|err) (text|bytes)\n/g)?.length === 4);
    assert.ok(got.binary.every(Boolean));
    websocket.send('end\n');
    assert.ok([1000, 1005].includes(await closed));
    assert.equal((await daemon().docker('wait', id)).stdout, '0\n');
  });

  test('a client that goes ends stdin; a terminal is resized and detached from by keys', async () => {
    const id = await daemon().dockerOk('run', '-d', '-i', 'busybox', 'sh', '-c', 'cat; echo over');
    const first = await open(id, ALL);
    first.websocket.send('typed\n');
    await eventually('it comes back', () => first.got.text.includes('typed'));
    first.websocket.close();
    const tty = await daemon().dockerOk('run', '-d', '-i', '-t', 'busybox', 'sh');
    const second = await open(tty, `${ALL}&detachKeys=ctrl-x,x`);
    second.websocket.send('echo $((40 + 2))\n');
    await eventually('the shell answers', () => second.got.text.includes('42\r\n'));
    second.websocket.send(Buffer.from([0x18]));
    second.websocket.send('x');
    await second.closed;
    assert.equal(await daemon().dockerOk('inspect', '-f', '{{.State.Running}}', tty), 'true');
    await eventually('the log has it', async () =>
      (await daemon().docker('logs', id)).stdout.includes('typed'),
    );
  });

  test('logs first, text for old clients, only what was asked for since 1.42', async () => {
    const id = await daemon().dockerOk('run', '-d', 'busybox', 'sh', '-c', 'echo out; echo err >&2');
    await daemon().dockerOk('wait', id);
    const past = await open(id, 'logs=1&stdout=1');
    await past.closed;
    assert.equal(past.got.text, 'out\n');
    const old = await open(id, 'logs=1', '/v1.27');
    await old.closed;
    assert.deepEqual([...old.got.text.split('\n')].toSorted(), ['', 'err', 'out']);
    assert.ok(old.got.binary.every((binary) => !binary));
  });

  test('what can’t be attached to is told before the connection is a websocket', async () => {
    await assert.rejects(open('nosuch', ALL), /Unexpected server response: 404/);
    const id = await daemon().dockerOk('run', '-d', 'busybox', 'sleep', '1000');
    await assert.rejects(open(id, `${ALL}&detachKeys=ctrl-%21`), /Unexpected server response: 400/);
    await daemon().dockerOk('pause', id);
    await assert.rejects(open(id, ALL), /Unexpected server response: 409/);
    const plain = await rest(daemon().socket, 'GET', { path: `/containers/${id}/attach/ws?${ALL}` });
    assert.deepEqual([plain.status, plain.text], [400, '{"message":"not websocket protocol"}\n']);
  });
});
