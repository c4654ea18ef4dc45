import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { connectClient, create, remove, startContainer } from './client.ts';
import { attempt } from './deadline.ts';
import { row, type Engine } from './engine.ts';
import { PEER_MS, STARTS } from './settings.ts';
import { percentile } from './statistics.ts';
import type { Row } from './table.ts';

const AT_ONCE = [1, 10, 64, 256];
/** So many starts are looked at, or one round where more are made at once. */
const SAMPLES = 64;
const BUDGET = 0.15;

/** How long it takes from the first request until a container's program runs, when so many are started at once. */
export async function starts(ours: Engine, theirs: Engine): Promise<Row[]> {
  const rows: Row[] = [];
  for (const atOnce of AT_ONCE.filter((each) => each <= STARTS)) {
    const found = { ours: [] as Started[], theirs: [] as Started[] };
    for (let round = 0; round < Math.ceil(SAMPLES / atOnce); round++) {
      found.ours.push(await startMany(ours, atOnce));
      found.theirs.push(await startMany(theirs, atOnce));
    }
    rows.push(...rowsOf(atOnce, found));
  }
  return rows;
}

interface Started {
  /** Of those that ran. */
  readonly ms: readonly number[];
  readonly failed: number;
}

function rowsOf(atOnce: number, found: Readonly<Record<'ours' | 'theirs', readonly Started[]>>): Row[] {
  const sides = (value: (all: readonly Started[]) => number) => ({
    ours: value(found.ours),
    theirs: value(found.theirs),
  });
  const at = (p: number) =>
    sides((all) =>
      percentile(
        all.flatMap(({ ms }) => ms),
        p,
      ),
    );
  const failed = sides((all) => all.reduce((sum, each) => sum + each.failed, 0));
  return [
    row(`${atOnce} starts at once, p50 to the first instruction`, { ...at(0.5), budget: undefined }),
    row('  p99', { ...at(0.99), budget: BUDGET }),
    row('  failures', { ...failed, unit: 'starts', budget: undefined, limit: 0 }),
  ];
}

/** Each container touches a file, whose time of modification, by the kernel's tick, is when the program ran. */
async function startMany({ daemon }: Engine, atOnce: number): Promise<Started> {
  using client = connectClient(daemon.socket, atOnce);
  const directory = join(daemon.directory, 'first');
  await mkdir(directory);
  const names = Array.from({ length: atOnce }, (_, index) => String(index));
  const host = { Binds: [`${directory}:/first`] };
  const ids = await Promise.all(names.map((name) => create(client, ['touch', `/first/${name}`], host)));
  const run = async (id: string): Promise<void> => {
    await startContainer(client, id);
    await client.call('POST', `/containers/${id}/wait`);
  };
  const startedAt = Date.now();
  await attempt(() => Promise.allSettled(ids.map(run)), PEER_MS);
  const ranAt = await Promise.all(
    names.map(async (name) => (await stat(join(directory, name)).catch(() => undefined))?.mtimeMs),
  );
  await Promise.all(ids.map((id) => remove(client, id)));
  await rm(directory, { recursive: true });
  const ms = ranAt.filter((each) => each !== undefined).map((each) => each - startedAt);
  return { ms, failed: atOnce - ms.length };
}
