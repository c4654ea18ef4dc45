import type { Daemon } from '../lib/daemon.ts';
import { rest } from '../lib/rest.ts';
import type { Client } from './client.ts';
import { interleaved, median } from './statistics.ts';
import type { Row } from './table.ts';

interface Engine {
  readonly daemon: Daemon;
  readonly client: Client;
}

const ROUNDS = 5;
/** dockerd reads a log from its beginning to find a time in it, for minutes. */
const DEADLINE_MS = 20_000;
const LINE =
  'a line of a log as programs write them: neither short nor long, 99 bytes and a newline at its end ..';
/** What a program printed; in a file it is more. */
const PRINTED = 1_000_000_000;
const DRIVERS: readonly (readonly [driver: string, options: Readonly<Record<string, string>>])[] = [
  ['json-file', { 'max-size': '10g' }],
  ['json-file', { 'max-size': '200m', 'max-file': '20' }],
  ['local', { 'max-size': '200m', 'max-file': '20', compress: 'false' }],
];

/** The end of a log of a gigabyte, by lines and by time. */
export async function logs(ours: Engine, theirs: Engine): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [driver, options] of DRIVERS) {
    const size = options['max-size'] === '10g' ? 'one file' : `files of ${options['max-size']}`;
    const what = `1 GB by ${driver}, ${size}`;
    const config = { Type: driver, Config: options };
    const [mine, other] = [await fill(ours, config), await fill(theirs, config)];
    for (const [name, query] of [
      ['--tail 10', () => 'tail=10'],
      ['--since a second before its end', ({ lastAt }: Filled) => `since=${lastAt}`],
    ] as const) {
      let gaveUp = false;
      const times = await interleaved(ROUNDS, [
        () => read(ours.daemon, { id: mine.id, query: query(mine) }),
        async () => {
          if (gaveUp) return;
          gaveUp = !(await readInTime(theirs.daemon, { id: other.id, query: query(other) }));
        },
      ]);
      const slowest = gaveUp ? DEADLINE_MS : median(times.theirs);
      const values = { ours: median(times.ours), theirs: slowest, gaveUp, budget: undefined };
      rows.push({ ...values, what: `logs ${name}: ${what}`, unit: 'ms', better: 'less' });
    }
    for (const [engine, { id }] of [
      [ours, mine],
      [theirs, other],
    ] as const)
      await engine.client.call('DELETE', `/containers/${id}?force=1`);
  }
  return rows;
}

interface Filled {
  readonly id: string;
  /** The second of its last lines, since the epoch. */
  readonly lastAt: number;
}

async function fill({ daemon, client }: Engine, LogConfig: object): Promise<Filled> {
  const script = `yes '${LINE}' | head -c ${PRINTED}; sleep 2; date +%s; echo last`;
  const body = {
    Image: 'busybox',
    Cmd: ['sh', '-c', script],
    HostConfig: { NetworkMode: 'none', LogConfig },
  };
  const { Id } = (await client.call('POST', '/containers/create', body)) as { Id: string };
  await client.call('POST', `/containers/${Id}/start`);
  await client.call('POST', `/containers/${Id}/wait`);
  // Its end may be much later: the kernel writes the whole log to the disk before it lets go of the container's root.
  const { text } = await rest(daemon.socket, 'GET', { path: `/containers/${Id}/logs?stdout=1&tail=2` });
  return { id: Id, lastAt: Number(/\d{10}/.exec(text)?.[0]) };
}

interface Asked {
  readonly id: string;
  readonly query: string;
  readonly signal?: AbortSignal;
}

async function read(daemon: Daemon, { id, query, signal }: Asked): Promise<void> {
  const path = `/containers/${id}/logs?stdout=1&${query}`;
  const { text } = await rest(daemon.socket, 'GET', { path, ...(signal === undefined ? {} : { signal }) });
  if (!text.endsWith('last\n') || text.length > 4096)
    throw new Error(`${query}: ${text.length} bytes, and ${JSON.stringify(text.slice(-100))} at the end`);
}

/** False: there was no answer in time. */
async function readInTime(daemon: Daemon, asked: Asked): Promise<boolean> {
  const signal = AbortSignal.timeout(DEADLINE_MS);
  try {
    await read(daemon, { ...asked, signal });
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
}
