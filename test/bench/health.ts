import { setTimeout as sleep } from 'node:timers/promises';
import { remove, startContainer } from './client.ts';
import { row, type Engine } from './engine.ts';
import { cpuMs } from './memory.ts';
import type { Row } from './table.ts';

const WATCHED_MS = 5_000;
const INTERVAL_MS = 1;
const NS_PER_MS = 1_000_000;

/** Probes as fast as the engine makes them, one after the other; each leaves a line. */
export async function health(ours: Engine, theirs: Engine): Promise<Row[]> {
  const [mine, other] = [await probes(ours), await probes(theirs)];
  return [
    row('health probes a second, by command', {
      ours: mine.perSecond,
      theirs: other.perSecond,
      unit: '1/s',
      better: 'more',
      budget: 1,
    }),
    row('  processor of the daemon a probe', { ours: mine.cpuMs, theirs: other.cpuMs, budget: 0.5 }),
  ];
}

async function probes({ daemon, client }: Engine): Promise<{ perSecond: number; cpuMs: number }> {
  const { Id: id } = (await client.call('POST', '/containers/create', {
    Image: 'busybox',
    Cmd: ['sleep', '1000'],
    Healthcheck: { Test: ['CMD-SHELL', 'echo >> /probes'], Interval: INTERVAL_MS * NS_PER_MS },
  })) as { Id: string };
  await startContainer(client, id);
  const count = async (): Promise<number> =>
    Number((await daemon.dockerOk('exec', id, 'sh', '-c', 'cat /probes 2>/dev/null | wc -l')).trim());
  const [before, cpuBefore, begun] = [await count(), await cpuMs(daemon), performance.now()];
  await sleep(WATCHED_MS);
  const took = performance.now() - begun;
  const [cpu, done] = [(await cpuMs(daemon)) - cpuBefore, (await count()) - before];
  await remove(client, id);
  return { perSecond: (done * 1000) / took, cpuMs: cpu / Math.max(1, done) };
}
