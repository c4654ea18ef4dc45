import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../lib/process.ts';
import { rest } from '../lib/rest.ts';
import { muxed } from '../lib/soak/frames.ts';
import { daemonSuite } from '../lib/suite.ts';

const LAST = 40_000;
/** Numbers, ten on a line, each by a write of its own: most of the time a line is unfinished. It rests, so that some come in time. */
const WRITES = [
  'sh',
  '-c',
  `read go; i=0; while [ $i -lt ${LAST} ]; do i=$((i+1)); case $i in *5000) printf "$i "; sleep 0.3;; *0) echo "$i";; *) printf "$i ";; esac; done`,
];
const ALL = Array.from({ length: LAST }, (_, n) => String(n + 1)).join(' ');

daemonSuite('attach with the log before the stream', (daemon) => {
  const create = async (...options: string[]): Promise<string> =>
    daemon().dockerOk('create', '-i', '--network', 'none', ...options, 'busybox', ...WRITES);

  /** All that a client gets until the end, in words. */
  async function attached(id: string, { tty = false } = {}): Promise<string> {
    const socket = connect({ path: daemon().socket, allowHalfOpen: true });
    const path = `/containers/${id}/attach?logs=1&stream=1&stdout=1&stderr=1`;
    socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n`);
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    await once(socket, 'end');
    socket.destroy();
    const bytes = Buffer.concat(chunks);
    const body = bytes.subarray(bytes.indexOf('\r\n\r\n') + 4);
    return (tty ? body : muxed(body)).toString().trim().replaceAll(/\s+/g, ' ');
  }

  async function isRunning(id: string): Promise<boolean> {
    const { State } = (await rest(daemon().socket, 'GET', { path: `/containers/${id}/json` })).json<{
      State: { Running: boolean };
    }>();
    return State.Running;
  }

  /** How many clients had the log by now. */
  async function attaches(id: string): Promise<number> {
    const filters = JSON.stringify({ container: [id], event: ['attach'] });
    const path = `/events?since=0&until=${Math.ceil(Date.now() / 1000)}&filters=${filters}`;
    return (await rest(daemon().socket, 'GET', { path })).text.split('"Action":"attach"').length - 1;
  }

  async function go(id: string): Promise<void> {
    const socket = connect(daemon().socket);
    const head = `POST /containers/${id}/attach?stream=1&stdin=1 HTTP/1.1\r\nHost: x\r\n`;
    socket.write(`${head}Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n`);
    await once(socket, 'data');
    socket.end('go\n');
    await once(socket, 'close');
  }

  const cases: readonly (readonly [what: string, ...options: string[]])[] = [
    ['one file'],
    ['files that rotate all the time', '--log-opt', 'max-size=10k', '--log-opt', 'max-file=1000'],
    ['the local driver', '--log-driver', 'local'],
    [
      'compressed files',
      '--log-opt',
      'max-size=20k',
      '--log-opt',
      'max-file=500',
      '--log-opt',
      'compress=true',
    ],
  ];
  for (const [what, ...options] of cases) {
    test(`under a steady writer nothing is lost and nothing comes twice: ${what}`, async () => {
      const id = await create(...options);
      await daemon().dockerOk('start', id);
      await go(id);
      const texts: Promise<string>[] = [];
      // Until it has ended, and once more.
      while (await isRunning(id)) {
        texts.push(attached(id));
        await sleep(20);
      }
      // Who came too late waits for a start that won't come.
      await eventually('all are attached', async () => (await attaches(id)) === texts.length + 1);
      await daemon().dockerOk('rm', id);
      assert.ok(texts.length > 3, `only ${texts.length} came in time`);
      for (const text of await Promise.all(texts)) assert.ok(text === ALL, explain(text));
    });
  }

  test('who comes while it starts misses nothing, and gets nothing of an earlier run twice', async () => {
    const id = await daemon().dockerOk(
      'create',
      '--network',
      'none',
      'busybox',
      'sh',
      '-c',
      'echo run; sleep 1; echo end',
    );
    for (let run = 1; run <= 3; run += 1) {
      const before = attached(id);
      const starting = rest(daemon().socket, 'POST', { path: `/containers/${id}/start` });
      const texts = [before, ...[0, 5, 15, 30].map((ms) => sleep(ms).then(() => attached(id)))];
      assert.equal((await starting).status, 204);
      const whole = Array.from({ length: run }, () => 'run end').join(' ');
      assert.deepEqual(
        await Promise.all(texts),
        texts.map(() => whole),
      );
    }
  });

  test('without a run it is the log alone', async () => {
    const id = await daemon().dockerOk('create', '--network', 'none', 'busybox', 'sh', '-c', 'printf done');
    await daemon().dockerOk('start', '-a', id);
    const path = `/containers/${id}/attach?logs=1&stdout=1`;
    const { text } = await rest(daemon().socket, 'POST', { path });
    assert.equal(muxed(Buffer.from(text, 'latin1')).toString(), 'done');
  });

  test('a client that was still being sent the log ends with its daemon, and gets no part of the stream', async () => {
    const script = 'head -c 8m /dev/zero | tr "\\0" x | fold -w 1000; echo; echo past; read x; echo present';
    const id = await daemon().dockerOk('run', '-di', '--network', 'none', 'busybox', 'sh', '-c', script);
    await eventually('it is logged', async () => (await daemon().dockerOk('logs', '-n', '1', id)) === 'past');
    // It does not read.
    const socket = connect({ path: daemon().socket, allowHalfOpen: true });
    socket.pause();
    const path = `/containers/${id}/attach?logs=1&stream=1&stdout=1`;
    socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n`);
    await sleep(500);
    await daemon().kill9();
    await daemon().restart();
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk as Buffer);
    assert.ok(Buffer.concat(chunks).length < 8 << 20);
    await go(id);
    await daemon().dockerOk('wait', id);
    assert.match(await daemon().dockerOk('logs', '-n', '2', id), /^past\npresent$/);
  });

  test('a client that leaves over the log is let go of', async () => {
    const id = await create();
    await daemon().dockerOk('start', id);
    await go(id);
    await eventually(
      'there is a log',
      async () => (await daemon().dockerOk('logs', '--tail', '1', id)) !== '',
    );
    for (let count = 0; count < 20; count += 1) {
      const socket = connect(daemon().socket);
      const path = `/containers/${id}/attach?logs=1&stream=1&stdout=1`;
      socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n`);
      socket.on('error', () => {});
      await once(socket, 'data');
      socket.destroy();
    }
    await daemon().dockerOk('wait', id);
    const logged = (await daemon().dockerOk('logs', id)).replaceAll(/\s+/g, ' ');
    assert.ok(logged === ALL, explain(logged));
  });
});

/** The first place where a text is not what it should be. */
function explain(text: string): string {
  const words = text.split(' ');
  const at = words.findIndex((word, index) => word !== String(index + 1));
  return `${words.length} numbers; after ${words.slice(Math.max(0, at - 3), at).join(' ')} comes ${words.slice(at, at + 5).join(' ')}`;
}
