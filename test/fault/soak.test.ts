import assert from 'node:assert/strict';
import { env } from 'node:process';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startDaemon, type Daemon } from '../lib/daemon.ts';
import { seededRandom } from '../lib/random.ts';
import { requires } from '../lib/requires.ts';
import { rest } from '../lib/rest.ts';
import { alive } from '../lib/soak/ask.ts';
import type { Client } from '../lib/soak/client.ts';
import { soak } from '../lib/soak/stories.ts';

/** `WHERRY_SOAK_SECONDS=3600 WHERRY_SOAK_CLIENTS=20` is the long one; `WHERRY_SOAK_SEED` repeats what clients do. */
const SECONDS = Number(env['WHERRY_SOAK_SECONDS'] ?? 15);
const CLIENTS = Number(env['WHERRY_SOAK_CLIENTS'] ?? 20);
const SEED = Number(env['WHERRY_SOAK_SEED'] ?? Date.now() % 1_000_000);
const KILL_EVERY_MS = 5_000;
const NETWORKS = ['soak-a', 'soak-b'];

test(
  `${CLIENTS} clients do anything for ${SECONDS} s, and the daemon is killed every 5 s`,
  { ...requires('root', 'busybox', 'nftables', 'overlay', 'unshare'), timeout: (SECONDS + 280) * 1000 },
  async (t) => {
    const daemon = await startDaemon(t);
    for (const Name of NETWORKS)
      await rest(daemon.socket, 'POST', { path: '/networks/create', body: { Name } });
    const end = performance.now() + SECONDS * 1000;
    const failures: string[] = [];
    const isOver = (): boolean => performance.now() > end || failures.length > 0;
    const done = new Map<string, number>();
    const count = { kills: 0 };
    const kills = (): number => count.kills;
    const clients = Array.from({ length: CLIENTS }, (_, number): Client => {
      const random = seededRandom(SEED + number);
      return { socket: daemon.socket, number, random, done, kills, networks: NETWORKS };
    });
    const working = Promise.all(
      clients.map((client) =>
        soak(client, isOver).catch((error: unknown) => {
          failures.push(`client ${client.number}: ${String(error)}`);
        }),
      ),
    );
    await killUntil(daemon, working, count);
    t.diagnostic(`seed ${SEED}, ${kills()} kills, ${JSON.stringify(Object.fromEntries(done))}`);
    if (failures.length > 0) console.error((await daemon.log()).split('\n').slice(-40).join('\n'));
    assert.deepEqual(failures, [], `seed ${SEED}`);
    assert.ok(kills() > 0);
    for (const name of NETWORKS) await rest(daemon.socket, 'DELETE', { path: `/networks/${name}` });
    for (const { number } of clients) await rest(daemon.socket, 'DELETE', { path: `/volumes/v${number}` });
    const left = await rest(daemon.socket, 'GET', { path: '/containers/json?all=1' });
    assert.deepEqual(left.json(), []);
    assert.deepEqual(await daemon.leftovers(), []);
  },
);

async function killUntil(daemon: Daemon, working: Promise<unknown>, count: { kills: number }): Promise<void> {
  const over = working.then(() => true);
  for (;;) {
    if (await Promise.race([sleep(KILL_EVERY_MS).then(() => false), over])) return;
    count.kills += 1;
    await daemon.kill9();
    // A machine at work takes its time.
    await daemon.restart().catch(() => alive(daemon.socket));
  }
}
