import { setTimeout as sleep } from 'node:timers/promises';
import { startDaemon } from '../lib/daemon.ts';
import { connectClient, create, life, remove, startContainer, type Client } from './client.ts';
import { row, type Engine, type Measure } from './engine.ts';
import { health } from './health.ts';
import { images } from './images.ts';
import { logs } from './logs.ts';
import { availableKib, pssKib } from './memory.ts';
import { attachment, manyAttached, volumes } from './networks.ts';
import { objects } from './objects.ts';
import { manyPorts } from './ports.ts';
import { ROUNDS } from './settings.ts';
import { starts } from './starts.ts';
import { interleaved, median, timed } from './statistics.ts';
import type { Row } from './table.ts';
import { throughputs } from './throughput.ts';

const IN_FLIGHT = 10;
const CONNECTIONS = 64;
const IDLE = 30;
const SETTLE_MS = 8_000;
const IDLE_BATCHES = 3;

/** Each adds its rows; the order matters where one leaves the daemons warm for the next. */
const measures: readonly (readonly [what: string, measure: Measure])[] = [
  ['idle daemons', idleDaemons],
  ['run', runs],
  ['exec', execs],
  ['lives over REST', lives],
  ['throughput', throughput],
  ['starts', starts],
  ['idle containers', idleContainers],
  ['streams', throughputs],
  ['attachment', attachment],
  ['attached', manyAttached],
  ['ports', manyPorts],
  ['volumes', volumes],
  ['health probes', health],
  ['objects', objects],
  ['logs', logs],
  ['images', images],
];

export interface Progress {
  begins(what: string): void;
  measured(rows: readonly Row[]): void;
  /** The others go on. */
  failed(what: string, error: unknown): void;
}

/** `only`: names of measures; empty for all of them. */
export async function measureAll(progress: Progress, only: readonly string[]): Promise<Row[]> {
  const unknown = only.filter((name) => !measures.some(([what]) => what === name));
  if (unknown.length > 0) throw new Error(`There is no measure "${unknown.join('", "')}"`);
  progress.begins('wherryd and dockerd');
  await using ours = await startDaemon(undefined);
  await using theirs = await startDaemon(undefined, { peer: true });
  using ourClient = connectClient(ours.socket, CONNECTIONS);
  using theirClient = connectClient(theirs.socket, CONNECTIONS);
  const rows: Row[] = [];
  for (const [what, measure] of measures) {
    if (only.length > 0 && !only.includes(what)) continue;
    progress.begins(what);
    try {
      const measured = await measure(
        { daemon: ours, client: ourClient },
        { daemon: theirs, client: theirClient },
      );
      progress.measured(measured);
      rows.push(...measured);
    } catch (error) {
      progress.failed(what, error);
    }
  }
  return rows;
}

const RUN = ['run', '--rm', 'busybox', 'true'];

async function runs(ours: Engine, theirs: Engine): Promise<Row[]> {
  const dockerd = (): Promise<string> => theirs.daemon.dockerOk(...RUN);
  const docker = await interleaved(ROUNDS, [() => ours.daemon.dockerOk(...RUN), dockerd]);
  const wherry = await interleaved(ROUNDS, [() => ours.daemon.wherryOk(...RUN), dockerd]);
  return [
    row('docker run --rm busybox true', {
      ours: median(docker.ours),
      theirs: median(docker.theirs),
      budget: 0.2,
    }),
    row('wherry run --rm busybox true', {
      ours: median(wherry.ours),
      theirs: median(wherry.theirs),
      budget: 0.15,
    }),
  ];
}

async function execs(ours: Engine, theirs: Engine): Promise<Row[]> {
  const [mine, other] = await Promise.all(
    [ours, theirs].map(({ daemon }) => daemon.dockerOk('run', '-d', 'busybox', 'sleep', '1000')),
  );
  const times = await interleaved(ROUNDS, [
    () => ours.daemon.dockerOk('exec', mine ?? '', 'true'),
    () => theirs.daemon.dockerOk('exec', other ?? '', 'true'),
  ]);
  await Promise.all([remove(ours.client, mine ?? ''), remove(theirs.client, other ?? '')]);
  return [row('docker exec true', { ours: median(times.ours), theirs: median(times.theirs), budget: 0.5 })];
}

async function lives(ours: Engine, theirs: Engine): Promise<Row[]> {
  using mine = connectClient(ours.daemon.socket, 1);
  using other = connectClient(theirs.daemon.socket, 1);
  const times = await interleaved(ROUNDS, [() => life(mine), () => life(other)]);
  const values = { ours: median(times.ours), theirs: median(times.theirs), budget: 0.08 };
  return [row('REST create, start, wait, delete', values)];
}

async function throughput(ours: Engine, theirs: Engine): Promise<Row[]> {
  const values = { ours: await perSecond(ours.client, 300), theirs: await perSecond(theirs.client, 30) };
  const what = `containers a second, ${IN_FLIGHT} in flight`;
  return [row(what, { ...values, unit: '1/s', better: 'more', budget: 15 })];
}

async function perSecond(client: Client, total: number): Promise<number> {
  let left = total;
  const worker = async (): Promise<void> => {
    while (left-- > 0) await life(client);
  };
  const tookMs = await timed(() => Promise.all(Array.from({ length: IN_FLIGHT }, worker)));
  return (total * 1000) / tookMs;
}

async function idleContainers(ours: Engine, theirs: Engine): Promise<Row[]> {
  const [mine, other] = [await idle(ours, /^wherry-shim/), await idle(theirs, /containerd-shim/)];
  return [
    row('PSS of a shim', { ours: mine.shim, theirs: other.shim, unit: 'KiB', budget: 0.02 }),
    row('all memory per idle container', { ours: mine.all, theirs: other.all, unit: 'KiB', budget: 0.2 }),
  ];
}

/** Several batches, since the rest of the machine takes and gives memory too. */
async function idle(engine: Engine, shim: RegExp): Promise<{ shim: number; all: number }> {
  const batches: { shim: number; all: number }[] = [];
  for (let batch = 0; batch < IDLE_BATCHES; batch++) batches.push(await idleBatch(engine, shim));
  return { shim: median(batches.map((batch) => batch.shim)), all: median(batches.map((batch) => batch.all)) };
}

async function idleBatch({ daemon, client }: Engine, shim: RegExp): Promise<{ shim: number; all: number }> {
  const before = await availableKib();
  const ids: string[] = [];
  for (let index = 0; index < IDLE; index++) {
    const id = await create(client, ['sleep', '1000']);
    await startContainer(client, id);
    ids.push(id);
  }
  const all = (before - (await availableKib())) / IDLE;
  const shims = await pssKib(daemon, shim);
  await Promise.all(ids.map((id) => remove(client, id)));
  return { shim: median(shims), all };
}

async function idleDaemons(ours: Engine, theirs: Engine): Promise<Row[]> {
  const sum = (sizes: readonly number[]): number => sizes.reduce((total, size) => total + size, 0);
  // What starting and the image's unpacking left behind is given back when it has been quiet for a while.
  await sleep(SETTLE_MS);
  const values = {
    ours: sum(await pssKib(ours.daemon, /wherryd/)),
    theirs: sum(await pssKib(theirs.daemon, /dockerd|containerd /)),
  };
  return [row('daemon, idle, PSS', { ...values, unit: 'KiB', budget: 0.8 })];
}
