import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { test } from 'node:test';
import { parseFrames } from '../lib/parse-frames.ts';
import { ended, eventually } from '../lib/process.ts';
import { clients, daemonSuite } from '../lib/suite.ts';

const MIB = 1024 * 1024;

daemonSuite('streams', (daemon) => {
  for (const client of clients) {
    test(`${client}: 50 MiB arrive whole and in order`, async () => {
      const script = 'i=0; while [ $i -lt 50 ]; do head -c 1048576 /dev/zero | tr "\\0" x; i=$((i+1)); done';
      const child = daemon().spawn(
        client,
        'run',
        '--rm',
        '--log-driver',
        'none',
        'busybox',
        'sh',
        '-c',
        script,
      );
      const hash = createHash('sha256');
      let bytes = 0;
      child.stdout?.on('data', (chunk: Buffer) => {
        hash.update(chunk);
        bytes += chunk.length;
      });
      assert.equal(await ended(child), 0);
      assert.equal(bytes, 50 * MIB);
      assert.equal(
        hash.digest('hex'),
        createHash('sha256')
          .update('x'.repeat(50 * MIB))
          .digest('hex'),
      );
    });

    test(`${client}: what goes in comes out, both ways at once`, async () => {
      const child = daemon().spawn(client, 'run', '--rm', '-i', '--log-driver', 'none', 'busybox', 'cat');
      const data = Buffer.alloc(8 * MIB, 'abcdefgh\n');
      const chunks: Buffer[] = [];
      child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk));
      child.stdin?.end(data);
      assert.equal(await ended(child), 0);
      assert.ok(Buffer.concat(chunks).equals(data));
    });
  }

  test('a reader that stops reading holds neither the container nor the others', async () => {
    const script =
      'while [ ! -e /go ]; do sleep 0.05; done; i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo $i; head -c 1000 /dev/zero | tr "\\0" x; echo; done; echo done';
    const id = await daemon().dockerOk('run', '-d', 'busybox', 'sh', '-c', script);
    const slow = await hijack(daemon().socket, id);
    slow.pause();
    const quick = daemon().spawn('docker', 'attach', '--no-stdin', id);
    let out = '';
    quick.stdout?.on('data', (chunk: Buffer) => (out += chunk.toString()));
    await new Promise((resolve) => setTimeout(resolve, 300));
    await daemon().dockerOk('exec', id, 'touch', '/go');
    assert.equal(await daemon().dockerOk('wait', id), '0');
    assert.equal(await ended(quick), 0);
    assert.equal(out.match(/^\d+$/gm)?.length, 3000);
    assert.ok(out.endsWith('done\n'));
    slow.destroy();
  });

  test('a slow reader loses nothing of its own', async () => {
    const script =
      'read x; i=0; while [ $i -lt 2000 ]; do i=$((i+1)); echo $i; head -c 100 /dev/zero | tr "\\0" x; echo; done';
    const id = await daemon().dockerOk('run', '-di', 'busybox', 'sh', '-c', script);
    const slow = await hijack(daemon().socket, id);
    slow.write('go\n');
    slow.pause();
    await new Promise((resolve) => setTimeout(resolve, 500));
    const chunks: Buffer[] = [];
    slow.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      slow.pause();
      setTimeout(() => slow.resume(), 1);
    });
    slow.resume();
    await once(slow, 'end');
    slow.destroy();
    const text = [...parseFrames(Buffer.concat(chunks))].map(([, data]) => data).join('');
    const expected = Array.from({ length: 2000 }, (_, index) => `${index + 1}\n${'x'.repeat(100)}\n`);
    assert.equal(text, expected.join(''));
  });

  test('a grandchild that holds stdout open does not hold up the exit', async () => {
    const startedAt = performance.now();
    const script = '(setsid sleep 1000 &); echo parent; exit 3';
    const result = await daemon().docker('run', '--name', 'holder', 'busybox', 'sh', '-c', script);
    assert.deepEqual([result.code, result.stdout], [3, 'parent\n']);
    assert.ok(performance.now() - startedAt < 10_000);
  });

  test('an exec whose grandchild holds stdout open ends', async () => {
    const id = await daemon().dockerOk('run', '-d', 'busybox', 'sleep', '1000');
    const startedAt = performance.now();
    const result = await daemon().docker('exec', id, 'sh', '-c', '(setsid sleep 1000 &); echo x; exit 2');
    assert.deepEqual([result.code, result.stdout], [2, 'x\n']);
    assert.ok(performance.now() - startedAt < 20_000);
  });

  test('half a connection closed ends stdin, and output still comes', async () => {
    const script = 'cat > /dev/null; sleep 0.3; echo after';
    const id = await daemon().dockerOk('create', '-i', 'busybox', 'sh', '-c', script);
    const socket = await hijack(daemon().socket, id);
    await daemon().dockerOk('start', id);
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.resume();
    socket.end('some input');
    await once(socket, 'end');
    assert.equal(Buffer.concat(chunks).subarray(8).toString(), 'after\n');
  });

  test('stdin once ends with its first client; kept open it does not', async () => {
    const once_ = await daemon().dockerOk('create', '-i', '--name', 'once', 'busybox', 'cat');
    await daemon().dockerOk('start', once_);
    const first = await hijack(daemon().socket, once_);
    first.end('x');
    assert.equal(await daemon().dockerOk('wait', once_), '0');
    const kept = await daemon().dockerOk('run', '-di', 'busybox', 'cat');
    const opener = await hijack(daemon().socket, kept);
    opener.destroy();
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.equal(await daemon().dockerOk('inspect', '-f', '{{.State.Running}}', kept), 'true');
  });

  test('frames: one header per stream, and none with a terminal', async () => {
    const plain = await daemon().dockerOk(
      'run',
      '-di',
      'busybox',
      'sh',
      '-c',
      'read x; echo out; echo err >&2',
    );
    const framed = await conversation(await hijack(daemon().socket, plain), 'go\n');
    const frames = [...parseFrames(framed)].toSorted(([a], [b]) => a - b);
    assert.deepEqual(frames, [
      [1, 'out\n'],
      [2, 'err\n'],
    ]);
    const tty = await daemon().dockerOk('run', '-dit', 'busybox', 'sh', '-c', 'stty -echo; read x; echo out');
    await new Promise((resolve) => setTimeout(resolve, 300));
    const raw = await conversation(await hijack(daemon().socket, tty), 'go\n');
    assert.equal(raw.toString(), 'out\r\n');
  });

  test('attach without Upgrade answers 200, with it 101', async () => {
    const id = await daemon().dockerOk('run', '-d', 'busybox', 'sleep', '1000');
    assert.match(await head(daemon().socket, id, UPGRADE), /^HTTP\/1\.1 101 /);
    assert.match(await head(daemon().socket, id, ''), /^HTTP\/1\.1 200 /);
  });

  test('logs=1 tells the past before the present', async () => {
    const id = await daemon().dockerOk(
      'run',
      '-di',
      'busybox',
      'sh',
      '-c',
      'echo past; read x; echo present',
    );
    await eventually('past is logged', async () => (await daemon().dockerOk('logs', id)) === 'past');
    const socket = await hijack(daemon().socket, id, 'logs=1&');
    const bytes = await conversation(socket, 'go\n');
    const text = [...parseFrames(bytes)].map(([, data]) => data).join('');
    assert.equal(text, 'past\npresent\n');
  });
});

const UPGRADE = 'Connection: Upgrade\r\nUpgrade: tcp\r\n';

async function openAttach(
  path: string,
  id: string,
  { query = '', upgrade = UPGRADE }: { readonly query?: string; readonly upgrade?: string },
): Promise<[Socket, string, Buffer]> {
  const socket = connect({ path, allowHalfOpen: true });
  await once(socket, 'connect');
  socket.write(
    `POST /containers/${id}/attach?${query}stream=1&stdin=1&stdout=1&stderr=1 HTTP/1.1\r\nHost: x\r\n${upgrade}\r\n`,
  );
  let seen = Buffer.alloc(0);
  for (;;) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    seen = Buffer.concat([seen, chunk]);
    const end = seen.indexOf('\r\n\r\n');
    if (end >= 0) return [socket, seen.subarray(0, end).toString(), seen.subarray(end + 4)];
  }
}

/** A connection that has become the container's streams. */
async function hijack(path: string, id: string, query = ''): Promise<Socket> {
  const [socket, , rest] = await openAttach(path, id, { query });
  socket.pause();
  if (rest.length > 0) socket.unshift(rest);
  return socket;
}

async function head(path: string, id: string, upgrade: string): Promise<string> {
  const [socket, text] = await openAttach(path, id, { upgrade });
  socket.destroy();
  return text;
}

/** Says something and listens to the end. */
async function conversation(socket: Socket, words: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.write(words);
  socket.resume();
  await once(socket, 'end');
  socket.destroy();
  return Buffer.concat(chunks);
}
