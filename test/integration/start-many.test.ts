import assert from 'node:assert/strict';
import { env } from 'node:process';
import { test } from 'node:test';
import { connectClient, create, startContainer, type Client } from '../bench/client.ts';
import { startDaemon, type Daemon } from '../lib/daemon.ts';
import { requires } from '../lib/requires.ts';
import { ping, rest } from '../lib/rest.ts';

/**
 * Demand 16: WHERRY_TEST_STOPPED=10000 WHERRY_TEST_RUNNING=500 WHERRY_TEST_PATIENCE=12 nice node scripts/test.ts
 * test/integration/start-many.test.ts
 */
const STOPPED = Number(env['WHERRY_TEST_STOPPED'] ?? 60);
const RUNNING = Number(env['WHERRY_TEST_RUNNING'] ?? 10);
const AT_ONCE = 8;
/** Of one that has everything in its tables; how long it takes is told, and is no matter of this machine's load. */
const START_MS = 60_000;

async function times(count: number, act: () => Promise<unknown>): Promise<void> {
  let left = count;
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await act();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

async function stopped(client: Client): Promise<void> {
  const id = await create(client, ['true'], { NetworkMode: 'none' });
  await startContainer(client, id);
  await client.call('POST', `/containers/${id}/wait`);
}

const running = async (client: Client): Promise<unknown> =>
  startContainer(client, await create(client, ['sleep', '100000']));

interface Started {
  readonly pingMs: number;
  readonly psMs: number;
  readonly allMs: number;
}

async function begin(daemon: Daemon): Promise<Started> {
  const startedAt = performance.now();
  const since = (): number => Math.round(performance.now() - startedAt);
  const counted = async (path: string): Promise<number> =>
    (await rest(daemon.socket, 'GET', { path })).json<unknown[]>().length;
  await daemon.restart();
  assert.ok(await ping(daemon.socket));
  const pingMs = since();
  assert.equal(await counted('/containers/json'), RUNNING);
  const psMs = since();
  assert.equal(await counted('/containers/json?all=1'), STOPPED + RUNNING);
  return { pingMs, psMs, allMs: since() };
}

test(
  `a daemon with ${STOPPED} stopped and ${RUNNING} running containers is there at once`,
  { ...requires('root', 'busybox', 'nftables', 'overlay', 'unshare') },
  async (t) => {
    const daemon = await startDaemon(t);
    using client = connectClient(daemon.socket, AT_ONCE);
    await daemon.stop();
    const empty = performance.now();
    await daemon.restart();
    const none = Math.round(performance.now() - empty);
    await times(STOPPED, () => stopped(client));
    await times(RUNNING, () => running(client));
    for (const [how, end] of [
      ['kill -9', () => daemon.kill9()],
      ['a clean stop', () => daemon.stop()],
    ] as const) {
      await end();
      const { pingMs, psMs, allMs } = await begin(daemon);
      t.diagnostic(
        `after ${how}: /_ping ${pingMs} ms (${none} without any), ps ${psMs} ms, ps -a ${allMs} ms`,
      );
      assert.ok(allMs < START_MS);
    }
    const { status } = await rest(daemon.socket, 'POST', {
      path: '/containers/create?name=next',
      body: { Image: 'busybox', Cmd: ['true'] },
    });
    assert.equal(status, 201);
  },
);
