import { setInterval } from 'node:timers';
import { conflict, messageOf } from '../../../common/errors.ts';
import { bool, value } from '../../../common/flags/flag.ts';
import type { CgroupPlace } from '../../cgroup/contract.ts';
import { countsToJson } from '../../cgroup/live/numbers.ts';
import { watchOom } from '../../cgroup/live/oom.ts';
import { statistics } from '../../cgroup/live/statistics.ts';
import type { Settings } from '../../container/contract.ts';
import { loadRecord } from '../../container/state-directory.ts';
import { statusOf } from '../../container/status.ts';
import { readDurationMs } from '../duration.ts';
import { print } from '../output.ts';
import { verb } from '../verb.ts';

export const entry = verb({
  usage: '[OPTIONS] CONTAINER',
  flags: {
    interval: value({
      type: 'duration',
      help: 'Time between two statistics',
      initial: 5000,
      shown: '5s',
      read: readDurationMs,
    }),
    stats: bool('Print the statistics once'),
  },
  arity: [1, 1],
  run: async ({ settings, flags: { interval, stats }, args: [id = ''] }) => {
    if (interval <= 0) throw new Error('duration interval must be greater than 0');
    const record = loadRecord(settings.root, id);
    if (statusOf(settings, record) === 'stopped') throw conflict(`container with id ${id} is not running`);
    const { cgroups } = record;
    if (cgroups === undefined) throw conflict('cannot watch a container without cgroups');
    if (stats) print(await statisticsLine(id, cgroups));
    else await stream(settings, { id, cgroups, intervalMs: interval });
    return 0;
  },
});

async function statisticsLine(id: string, cgroups: CgroupPlace): Promise<string> {
  // runc counts interfaces that it made itself, of which there are none.
  const data = { ...(await statistics(cgroups)), network_interfaces: null };
  return `${countsToJson({ type: 'stats', id, data })}\n`;
}

/** Until the container is gone, or nobody reads any more. */
async function stream(
  { warn }: Settings,
  {
    id,
    cgroups,
    intervalMs,
  }: { readonly id: string; readonly cgroups: CgroupPlace; readonly intervalMs: number },
): Promise<void> {
  const say = (line: string): void => {
    if (!print(line)) watch.close();
  };
  const watch = await watchOom(cgroups, () => say(`${JSON.stringify({ type: 'oom', id })}\n`));
  const tell = async (): Promise<void> => {
    try {
      say(await statisticsLine(id, cgroups));
    } catch (error) {
      warn(messageOf(error));
    }
  };
  const timer = setInterval(() => void tell(), Math.max(1, intervalMs));
  await watch.ended;
  clearInterval(timer);
}
