import { startDaemon } from '../lib/daemon.ts';
import { connectClient, createPublishing, remove, startContainer } from './client.ts';
import { costOf, costRows, type Cost } from './cost.ts';
import type { Engine } from './engine.ts';
import { PEER_MS, PORTS } from './settings.ts';
import type { Row } from './table.ts';

const FIRST_PORT = 20_000;
const BUDGET = { ms: 0.1, kib: 0.1, rules: 0.01 };

/** One range of ports at one container; dockerd with a process for each port, as it comes, and without. */
export async function manyPorts(ours: Engine): Promise<Row[]> {
  const mine = await published(ours);
  const what = `${PORTS} ports in one range; dockerd`;
  return [
    ...costRows(`${what} with a proxy each`, [mine, await publishedByPeer([])], BUDGET),
    ...costRows(`${what} without`, [mine, await publishedByPeer(['--userland-proxy=false'])], {
      ms: BUDGET.ms,
    }),
  ];
}

/** By a daemon of its own: what it has not finished by the deadline ends with it. */
async function publishedByPeer(args: readonly string[]): Promise<Cost> {
  await using daemon = await startDaemon(undefined, { peer: true, args });
  using client = connectClient(daemon.socket, 1);
  return await published({ daemon, client });
}

async function published({ daemon, client }: Engine): Promise<Cost> {
  const ports = Array.from({ length: PORTS }, (_, index) => FIRST_PORT + index);
  const id = await createPublishing(client, ports);
  const cost = await costOf(daemon, { act: () => startContainer(client, id), limitMs: PEER_MS });
  if (!cost.gaveUp) await remove(client, id);
  return cost;
}
