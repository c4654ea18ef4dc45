import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { waitChild } from '../../native/sys/reap.ts';
import { setSubreaper } from '../../native/sys/wait.ts';
import { readCgroupLayoutNow } from '../../runtime/cgroup/layout.ts';
import { create } from '../../runtime/container/create.ts';
import { destroy } from '../../runtime/container/destroy.ts';
import type { Spec } from '../../runtime/spec.ts';
import { median, timed } from './statistics.ts';

const ROUNDS = 50;

/** The median of a whole run, from the configuration to the removed cgroup, in a process that has done it before; in ms. */
export async function warmLaunches(bundle: string, root: string): Promise<number> {
  const config = JSON.parse(await readFile(join(bundle, 'config.json'), 'utf8')) as Spec;
  const settings = {
    root,
    driver: 'cgroupfs',
    layout: readCgroupLayoutNow(),
    rootless: false,
    warn: () => {},
  } as const;
  setSubreaper(true);
  const once = async (): Promise<void> => {
    const record = await create(settings, {
      id: 'warm',
      bundle,
      config,
      console: { kind: 'none' },
      pidFile: undefined,
      preserveFds: 0,
      noPivot: false,
      noNewKeyring: false,
      waits: false,
    });
    waitChild(record.init?.pid ?? -1, { block: true });
    await destroy(settings, record);
  };
  const times: number[] = [];
  for (let round = -10; round < ROUNDS; round++) {
    const took = await timed(once);
    if (round >= 0) times.push(took);
  }
  setSubreaper(false);
  return median(times);
}
