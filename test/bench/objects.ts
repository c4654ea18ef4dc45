import { env } from 'node:process';
import { connectClient, create, remove, startContainer, type Client } from './client.ts';
import { row, type Engine } from './engine.ts';
import { interleaved, median, percentile } from './statistics.ts';
import type { Row } from './table.ts';

const ROUNDS = 15;
const LISTINGS = 100;
const AT_ONCE = 10;
/** Of design.md; other counts are only shown. */
const LISTED = 1000;
/** WHERRY_BENCH_OBJECTS="10 1000 10000" is the whole of demand 13; dockerd takes minutes to make the last. */
const COUNTS = (env['WHERRY_BENCH_OBJECTS'] ?? `10 ${LISTED}`).split(' ').map(Number);
const RUNNING = [10, 100];

/** What looking at many containers costs: `ps`, `df` and `stats`. */
export async function objects(ours: Engine, theirs: Engine): Promise<Row[]> {
  const rows = await wholeProcesses(ours, theirs);
  let made = 0;
  for (const count of COUNTS) {
    await Promise.all([ours, theirs].map(({ client }) => many(count - made, () => create(client, ['true']))));
    made = count;
    rows.push(...(await listed(ours, theirs, count)));
  }
  for (const count of RUNNING) rows.push(await sampled(ours, theirs, count));
  return rows;
}

async function wholeProcesses(ours: Engine, theirs: Engine): Promise<Row[]> {
  const times = await interleaved(ROUNDS, [
    () => ours.daemon.wherryOk('ps'),
    () => theirs.daemon.dockerOk('ps'),
  ]);
  const values = { ours: median(times.ours), theirs: median(times.theirs), budget: 2.5 };
  return [row('wherry ps against docker ps', values)];
}

async function listed(ours: Engine, theirs: Engine, count: number): Promise<Row[]> {
  const ps = await get(ours, theirs, { path: '/containers/json?all=1', rounds: LISTINGS });
  const df = await get(ours, theirs, { path: '/system/df', rounds: ROUNDS });
  const p99 = (times: readonly number[]): number => percentile(times, 0.99);
  const budget = count === LISTED ? 0.5 : undefined;
  return [
    row(`ps over REST, ${count} containers, p99`, { ours: p99(ps.ours), theirs: p99(ps.theirs), budget }),
    row(`df over REST, ${count} containers`, {
      ours: median(df.ours),
      theirs: median(df.theirs),
      budget: undefined,
    }),
  ];
}

const get = (
  { client: mine }: Engine,
  { client: other }: Engine,
  { path, rounds }: { readonly path: string; readonly rounds: number },
): ReturnType<typeof interleaved> =>
  interleaved(rounds, [() => mine.call('GET', path), () => other.call('GET', path)]);

/** One sample of each of `count` running ones, all asked for at once. */
async function sampled(ours: Engine, theirs: Engine, count: number): Promise<Row> {
  const ids = await Promise.all([ours, theirs].map(({ client }) => many(count, () => running(client))));
  const sample = async ({ daemon }: Engine, all: readonly string[] = []): Promise<void> => {
    using client = connectClient(daemon.socket, count);
    const path = (id: string): string => `/containers/${id}/stats?stream=0&one-shot=1`;
    await Promise.all(all.map((id) => client.call('GET', path(id))));
  };
  const times = await interleaved(ROUNDS, [() => sample(ours, ids[0]), () => sample(theirs, ids[1])]);
  for (const [at, { client }] of [ours, theirs].entries())
    await Promise.all((ids[at] ?? []).map((id) => remove(client, id)));
  return row(`stats of ${count} containers`, {
    ours: median(times.ours),
    theirs: median(times.theirs),
    budget: undefined,
  });
}

async function running(client: Client): Promise<string> {
  const id = await create(client, ['sleep', '1000'], { NetworkMode: 'none' });
  await startContainer(client, id);
  return id;
}

async function many(total: number, make: () => Promise<string>): Promise<string[]> {
  const made: string[] = [];
  let left = total;
  const worker = async (): Promise<void> => {
    while (left-- > 0) made.push(await make());
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return made;
}
