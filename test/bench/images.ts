import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Daemon } from '../lib/daemon.ts';
import { execOk } from '../lib/process.ts';
import { uploads } from '../lib/pull-registry.ts';
import { openRegistry } from '../lib/registry.ts';
import { tarball } from '../lib/tarball.ts';
import type { Engine } from './engine.ts';
import { cpuMs, peakKib, resetPeak } from './memory.ts';
import { interleaved, median } from './statistics.ts';
import { describe, stagesOf } from './stages.ts';
import type { Row } from './table.ts';

const ROUNDS = 5;
const LAYERS = 6;
const FILES = 300;
const LAYER_BYTES = 84_000_000;
const PORT = 5099;
const TARGET_PORT = 5098;
const NAME = `127.0.0.1:${PORT}/big`;
const TARGET = `127.0.0.1:${TARGET_PORT}/big`;
const IMAGE_MB = (LAYERS * LAYER_BYTES) / 1e6;

/** An image of 500 MB, half as much compressed: pulled from a registry on the loopback of each, saved, loaded and pushed. */
export async function images(ours: Engine, theirs: Engine): Promise<Row[]> {
  const engines = [ours, theirs] as const;
  await using source = await openRegistry({ port: PORT });
  await using target = await openRegistry({ port: TARGET_PORT });
  const made = layers();
  await uploads(`http://127.0.0.1:${PORT}/v2`).push({ layers: made }, 'big:1');
  for (const { daemon } of engines)
    for (const registry of [source, target]) await registry.serveIn(daemon.netnsPid);
  const forget = (): Promise<unknown> =>
    Promise.all(engines.map(({ client }) => client.call('DELETE', `/images/${NAME}:1?force=1`)));
  const rows = await compared(engines, { what: 'pull of 500 MB', act: pull, between: forget, budget: 0.7 });
  console.log(
    describe(
      await stagesOf(made[0] ?? Buffer.alloc(0), fetchLayer),
      IMAGE_MB / ((rows[0]?.ours ?? 0) / 1000),
    ),
  );
  for (const { daemon } of engines) await pull(daemon);
  rows.push(...(await compared(engines, { what: 'save of 500 MB', act: save })));
  for (const { daemon } of engines) await tag(daemon);
  const pushAnew = async (daemon: Daemon): Promise<void> => {
    await rm(join(target.work, 'data'), { recursive: true, force: true });
    await push(daemon);
  };
  rows.push(...(await compared(engines, { what: 'push of 500 MB', act: pushAnew })));
  for (const { client } of engines) await client.call('DELETE', `/images/${TARGET}:1`);
  await forget();
  rows.push(...(await compared(engines, { what: 'load of 500 MB', act: load, between: forget })));
  return rows;
}

interface Compared {
  readonly what: string;
  readonly act: (daemon: Daemon) => Promise<void>;
  readonly between?: () => Promise<unknown>;
  readonly budget?: number;
}

/** Wall time, time of the processor, and the largest amount of memory that the daemons had meanwhile. */
async function compared(
  [ours, theirs]: readonly [Engine, Engine],
  { what, act, between, budget }: Compared,
): Promise<Row[]> {
  const daemons = [ours.daemon, theirs.daemon] as const;
  const used: [number[], number[]] = [[], []];
  const metered = async (which: 0 | 1): Promise<void> => {
    const before = await cpuMs(daemons[which]);
    await act(daemons[which]);
    used[which].push((await cpuMs(daemons[which])) - before);
  };
  for (const daemon of daemons) await resetPeak(daemon);
  const times = await interleaved(ROUNDS, [() => metered(0), () => metered(1)], between);
  const [own = 0, other = 0] = await Promise.all(daemons.map((daemon) => peakKib(daemon)));
  const rate = (ms: number): string => `${Math.round(IMAGE_MB / (ms / 1000))} MB/s`;
  const [wall, peer] = [median(times.ours), median(times.theirs)];
  return [
    {
      what: `${what} (${rate(wall)}, ${rate(peer)})`,
      unit: 'ms',
      better: 'less',
      ours: wall,
      theirs: peer,
      budget,
    },
    {
      what: '  processor',
      unit: 'ms',
      better: 'less',
      ours: median(used[0]),
      theirs: median(used[1]),
      budget: 1,
    },
    { what: '  peak memory', unit: 'KiB', better: 'less', ours: own, theirs: other, budget: undefined },
  ];
}

/** The largest layer of the image, to nowhere. */
async function fetchLayer(): Promise<void> {
  const registry = `http://127.0.0.1:${PORT}/v2/big`;
  const accept =
    'application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json';
  const answer = await fetch(`${registry}/manifests/1`, { headers: { accept } });
  const { layers: listed } = (await answer.json()) as { layers: { digest: string }[] };
  const blob = await fetch(`${registry}/blobs/${listed[0]?.digest}`);
  for await (const _chunk of blob.body ?? []);
}

const TIMEOUT = { timeoutMs: 120_000 };

const curl = (daemon: Daemon, path: string, ...words: readonly string[]): Promise<string> =>
  execOk(['curl', '-sf', '--unix-socket', daemon.socket, ...words, `http://localhost/v1.41${path}`], TIMEOUT);

async function pull(daemon: Daemon): Promise<void> {
  const answer = await curl(daemon, `/images/create?fromImage=${NAME}&tag=1`, '-X', 'POST');
  if (!answer.includes('Downloaded newer image')) throw new Error(`The pull failed: ${answer.slice(-500)}`);
}

const archiveOf = (daemon: Daemon): string => join(daemon.directory, 'big.tar');

const save = async (daemon: Daemon): Promise<void> =>
  void (await curl(daemon, `/images/get?names=${NAME}:1`, '-o', archiveOf(daemon)));

async function load(daemon: Daemon): Promise<void> {
  const answer = await curl(daemon, '/images/load', '-X', 'POST', '-T', archiveOf(daemon));
  if (!answer.includes('Loaded image')) throw new Error(`The load failed: ${answer.slice(-500)}`);
}

const tag = async (daemon: Daemon): Promise<void> =>
  void (await curl(daemon, `/images/${NAME}:1/tag?repo=${TARGET}&tag=1`, '-X', 'POST'));

async function push(daemon: Daemon): Promise<void> {
  const auth = `X-Registry-Auth: ${Buffer.from('{}').toString('base64')}`;
  const answer = await curl(daemon, `/images/${TARGET}/push?tag=1`, '-X', 'POST', '-H', auth);
  if (!answer.includes('"aux"')) throw new Error(`The push failed: ${answer.slice(-500)}`);
}

/** Texts, numbers that look random, and zeros: what programs and data compress to, about half. */
function layers(): Buffer[] {
  return Array.from({ length: LAYERS }, (_, layer) => {
    const size = Math.floor(LAYER_BYTES / FILES);
    const files = Array.from({ length: FILES }, (_unused, file) => {
      const random = randomBytes(size / 4);
      const text = Buffer.from(random.toString('hex').repeat(1));
      return { name: `l${layer}/f${file}`, data: Buffer.concat([text, random, Buffer.alloc(size / 4)]) };
    });
    return tarball([{ name: `l${layer}/` }, ...files]);
  });
}
