import assert from 'node:assert/strict';
import { env } from 'node:process';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectClient, create, startContainer, type Client } from '../bench/client.ts';
import { startDaemon, type Daemon } from '../lib/daemon.ts';
import { PATIENCE } from '../lib/process.ts';
import { requires } from '../lib/requires.ts';
import { rest } from '../lib/rest.ts';
import { alive, ask, textOf } from '../lib/soak/ask.ts';
import { checkCount } from '../lib/soak/counting.ts';

/**
 * Demand 15: WHERRY_TEST_KILLS_SECONDS=3600 WHERRY_TEST_KILLS_CONTAINERS=100 WHERRY_TEST_PATIENCE=12
 * nice node scripts/test.ts test/fault/kills.test.ts
 */
const SECONDS = Number(env['WHERRY_TEST_KILLS_SECONDS'] ?? 12);
const CONTAINERS = Number(env['WHERRY_TEST_KILLS_CONTAINERS'] ?? 10);
const KILL_EVERY_MS = 5_000;
const AT_ONCE = 8;
/** Numbers from 0, ten a second, until it is told to stop; `2 0` says that nothing follows. */
const PROGRAM = [
  "trap 'end=1' TERM; i=0",
  'while [ -z "$end" ]; do echo "1 $i"; i=$((i+1)); [ $((i % 10)) = 0 ] && sleep 1; done',
  'echo "2 0"; exit 7',
].join('\n');

interface Shown {
  readonly RestartCount: number;
  readonly State: { readonly Pid: number; readonly StartedAt: string; readonly ExitCode: number };
}

test(
  `${CONTAINERS} containers go on for ${SECONDS} s while the daemon is killed every 5 s, and no byte of a log is lost`,
  {
    ...requires('root', 'busybox', 'nftables', 'overlay', 'unshare'),
    timeout: (SECONDS + 120 * PATIENCE) * 1000,
  },
  async (t) => {
    const daemon = await startDaemon(t);
    const containers = Array.from({ length: CONTAINERS }, (_, at) => at);
    const ids = await each(daemon, containers, async (client) => {
      const id = await create(client, ['sh', '-c', PROGRAM], { NetworkMode: 'none' });
      await startContainer(client, id);
      return id;
    });
    const look = (): Promise<unknown[]> => each(daemon, ids, inspect);
    const before = await look();
    const kills = await killFor(daemon, SECONDS * 1000);
    assert.deepEqual(await look(), before);
    await each(daemon, ids, (client, id) => client.call('POST', `/containers/${id}/stop?t=${60 * PATIENCE}`));
    const counts = await each(daemon, ids, (_, id) => count(daemon, id));
    assert.deepEqual(
      counts.filter(({ runs, ExitCode }) => runs !== 2 || ExitCode !== 7),
      [],
    );
    const lines = counts.reduce((sum, { printed }) => sum + printed, 0);
    t.diagnostic(`${kills} kills, ${lines} lines of ${CONTAINERS} containers, each there once`);
    await each(daemon, ids, (client, id) => client.call('DELETE', `/containers/${id}`));
    assert.deepEqual(await daemon.leftovers(), []);
  },
);

/** A few at once, on connections of their own: those of before are of a daemon that was killed. */
async function each<In, Out>(
  daemon: Daemon,
  all: readonly In[],
  act: (client: Client, one: In) => Promise<Out>,
): Promise<Out[]> {
  using client = connectClient(daemon.socket, AT_ONCE);
  return await Promise.all(all.map((one) => act(client, one)));
}

async function inspect(client: Client, id: string): Promise<unknown> {
  const { RestartCount, State } = (await client.call('GET', `/containers/${id}/json`)) as Shown;
  return { id, RestartCount, Pid: State.Pid, StartedAt: State.StartedAt };
}

async function killFor(daemon: Daemon, forMs: number): Promise<number> {
  const end = performance.now() + forMs;
  let kills = 0;
  for (; performance.now() < end; kills += 1) {
    await sleep(KILL_EVERY_MS);
    await daemon.kill9();
    // A machine at work takes its time.
    await daemon.restart().catch(() => alive(daemon.socket));
  }
  return kills;
}

async function count(
  { socket }: Daemon,
  id: string,
): Promise<{ id: string; runs: number; printed: number; ExitCode: number }> {
  const { State } = (await rest(socket, 'GET', { path: `/containers/${id}/json` })).json<Shown>();
  const read = await ask(socket, { method: 'GET', path: `/containers/${id}/logs?stdout=1` });
  assert.ok(read.kind === 'answer');
  const text = textOf(read.body);
  return {
    id,
    runs: checkCount(text, { partial: false }).runs,
    printed: text.split('\n').length - 1,
    ...State,
  };
}
