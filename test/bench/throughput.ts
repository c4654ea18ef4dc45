import { once } from 'node:events';
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { HOST, makeLan, NEIGHBOUR } from '../lib/lan.ts';
import { execOk, start } from '../lib/process.ts';
import { create, createPublishing, remove, startContainer } from './client.ts';
import { row, type Engine } from './engine.ts';
import { ROUNDS } from './settings.ts';
import { median } from './statistics.ts';
import type { Row } from './table.ts';

const SECONDS = 1;
const PORT = 5001;
/** Nobody's container may be slower than in docker's networks. */
const BUDGET = 0.95;
const STREAM = fileURLToPath(new URL('stream.py', import.meta.url));

const PATHS = ['container to container', 'LAN to a published port', 'container to the LAN'] as const;
type Rates = Readonly<Record<(typeof PATHS)[number], () => Promise<number>>>;

/** One connection along each path, in turns. Programs of the host run in the namespaces, so that both engines are measured with the same. */
export async function throughputs(ours: Engine, theirs: Engine): Promise<Row[]> {
  await using mine = await makePaths(ours);
  await using other = await makePaths(theirs);
  const rows: Row[] = [];
  for (const path of PATHS) {
    const found = { ours: [] as number[], theirs: [] as number[] };
    for (let round = 0; round < ROUNDS; round++) {
      found.ours.push(await mine.rates[path]());
      found.theirs.push(await other.rates[path]());
    }
    const values = { ours: median(found.ours), theirs: median(found.theirs) };
    rows.push(row(`throughput, ${path}`, { ...values, unit: 'MB/s', better: 'more', budget: BUDGET }));
  }
  return rows;
}

interface Paths extends AsyncDisposable {
  readonly rates: Rates;
}

async function makePaths({ daemon, client }: Engine): Promise<Paths> {
  const lan = await makeLan(daemon);
  const ids = [await createPublishing(client, [PORT]), await create(client, ['sleep', '1000'])];
  for (const id of ids) await startContainer(client, id);
  const [server, sender] = await Promise.all(ids.map((id) => runningOf(client, id)));
  if (server === undefined || sender === undefined) throw new Error('There are no two containers');
  const servers = [await serve(server.pid), await serve(lan.neighbour.pid)];
  return {
    rates: {
      'container to container': () => rate(sender.pid, server.address),
      'LAN to a published port': () => rate(lan.neighbour.pid, HOST),
      'container to the LAN': () => rate(sender.pid, NEIGHBOUR),
    },
    [Symbol.asyncDispose]: async () => {
      for (const each of servers) each.kill('SIGKILL');
      await Promise.all(ids.map((id) => remove(client, id)));
      await lan[Symbol.asyncDispose]();
    },
  };
}

async function runningOf(
  client: Engine['client'],
  id: string,
): Promise<{ readonly pid: number; readonly address: string }> {
  const shown = (await client.call('GET', `/containers/${id}/json`)) as {
    State: { Pid: number };
    NetworkSettings: { Networks: { bridge: { IPAddress: string } } };
  };
  return { pid: shown.State.Pid, address: shown.NetworkSettings.Networks.bridge.IPAddress };
}

const inside = (pid: number, ...words: string[]): string[] => [
  ...['nsenter', `--net=/proc/${pid}/ns/net`, '--', 'python3', STREAM],
  ...words,
];

async function serve(pid: number): Promise<ChildProcess> {
  const server = start(inside(pid, 'serve', String(PORT)), { stdio: ['ignore', 'pipe', 'inherit'] });
  if (server.stdout !== null) await once(server.stdout, 'data');
  return server;
}

const rate = async (pid: number, address: string): Promise<number> =>
  Number(await execOk(inside(pid, 'send', address, String(PORT), String(SECONDS)))) / 1e6;
