import { eventually } from '../lib/process.ts';
import { connectClient, create, remove, startContainer } from './client.ts';
import { costOf, costRows, type Cost } from './cost.ts';
import { row, type Engine } from './engine.ts';
import { ATTACHED, PEER_MS, ROUNDS } from './settings.ts';
import { interleaved, median, timed } from './statistics.ts';
import type { Row } from './table.ts';

const ATTACH_BUDGET_MS = 3;
/** dockerd makes them one by one, and has long to do when it is given up. */
const LET_GO_MS = 300_000;

/** What a network adds to a start. */
export async function attachment(ours: Engine, theirs: Engine): Promise<Row[]> {
  const started = async ({ client }: Engine, host: object): Promise<number> => {
    const id = await create(client, ['sleep', '1000'], host);
    const ms = await timed(() => startContainer(client, id));
    await remove(client, id);
    return ms;
  };
  const added = async (engine: Engine): Promise<number> => {
    const times: { with: number[]; without: number[] } = { with: [], without: [] };
    const turns = [
      async () => times.without.push(await started(engine, { NetworkMode: 'none' })),
      async () => times.with.push(await started(engine, {})),
    ];
    // Who is second starts while the first one's namespaces die.
    for (let round = 0; round < ROUNDS; round++)
      for (const turn of round % 2 === 0 ? turns : turns.toReversed()) await turn();
    return median(times.with) - median(times.without);
  };
  const values = { ours: await added(ours), theirs: await added(theirs) };
  return [
    row('a network, on the path of a start', { ...values, budget: undefined, limit: ATTACH_BUDGET_MS }),
  ];
}

/** Many containers on one network at once. */
export async function manyAttached(ours: Engine, theirs: Engine): Promise<Row[]> {
  const mine = await attached(ours);
  const other = await attached(theirs);
  return costRows(`${ATTACHED} containers attached at once`, [mine, other], { ms: 0.5, kib: 0.5 });
}

/** Starts them all, on a network of their own, and takes them away again. */
async function attached({ daemon }: Engine): Promise<Cost> {
  using client = connectClient(daemon.socket, ATTACHED);
  await client.call('POST', '/networks/create', { Name: 'many', CheckDuplicate: true });
  const host = { NetworkMode: 'many' };
  const ids = await Promise.all(
    Array.from({ length: ATTACHED }, () => create(client, ['sleep', '1000'], host)),
  );
  const started = (): Promise<unknown> => Promise.all(ids.map((id) => startContainer(client, id)));
  const cost = await costOf(daemon, { act: started, limitMs: PEER_MS });
  await Promise.all(ids.map((id) => remove(client, id)));
  // dockerd that was given up is still at its starts.
  const letGo = (): Promise<boolean> =>
    client.call('DELETE', '/networks/many').then(
      () => true,
      () => false,
    );
  await eventually('the network is let go', letGo, LET_GO_MS);
  return cost;
}

/** A volume's whole life. */
export async function volumes(ours: Engine, theirs: Engine): Promise<Row[]> {
  const life = async ({ client }: Engine): Promise<void> => {
    await client.call('POST', '/volumes/create', { Name: 'bench' });
    await client.call('DELETE', '/volumes/bench');
  };
  const times = await interleaved(ROUNDS, [() => life(ours), () => life(theirs)]);
  const values = { ours: median(times.ours), theirs: median(times.theirs), budget: 1 };
  return [row('volume create and remove', values)];
}
