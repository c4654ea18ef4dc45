import { randomBytes } from 'node:crypto';
import type { Daemon } from '../lib/daemon.ts';
import { execOk } from '../lib/process.ts';
import { uploads } from '../lib/pull-registry.ts';
import { openRegistry } from '../lib/registry.ts';
import { tarball } from '../lib/tarball.ts';
import type { Client } from './client.ts';
import { interleaved, median } from './statistics.ts';
import type { Row } from './table.ts';

interface Engine {
  readonly daemon: Daemon;
  readonly client: Client;
}

const ROUNDS = 5;
const LAYERS = 6;
const FILES = 300;
const LAYER_BYTES = 84_000_000;
const PORT = 5099;
const NAME = `127.0.0.1:${PORT}/big`;

/** A pull of an image of 500 MB, half as much compressed, from a registry on the loopback of each. */
export async function pulls(ours: Engine, theirs: Engine): Promise<Row[]> {
  await using registry = await openRegistry({ port: PORT });
  await uploads(`http://127.0.0.1:${PORT}/v2`).push({ layers: layers() }, 'big:1');
  for (const { daemon } of [ours, theirs]) await registry.serveIn(daemon.netnsPid);
  const times = await interleaved(ROUNDS, [() => pull(ours.daemon), () => pull(theirs.daemon)], () =>
    Promise.all([ours, theirs].map(({ client }) => client.call('DELETE', `/images/${NAME}:1`))),
  );
  const values = { ours: median(times.ours), theirs: median(times.theirs) };
  return [{ what: 'pull of 500 MB from the loopback', unit: 'ms', better: 'less', ...values, budget: 0.7 }];
}

const pull = async (daemon: Daemon): Promise<void> => {
  const url = `http://localhost/v1.41/images/create?fromImage=${NAME}&tag=1`;
  const answer = await execOk(['curl', '-sf', '-X', 'POST', '--unix-socket', daemon.socket, url], {
    timeoutMs: 120_000,
  });
  if (!answer.includes('Downloaded newer image')) throw new Error(`The pull failed: ${answer.slice(-500)}`);
};

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
