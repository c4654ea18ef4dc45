import { codeOf, invalidArgument } from '../../common/errors.ts';
import { containerPath } from '../commands/each.ts';
import { alignColumns } from '../format/table.ts';
import { binarySize } from '../format/units.ts';
import type { Daemon } from '../http/daemon.ts';

/** Between the two looks that tell how much of a processor is used now. */
const MEASURE_MS = 1000;
const COLUMNS = ['pid', 'user', 'cpums', 'pmem', 'rss', 'time', 'args'];

export interface Process {
  readonly container: string;
  readonly pid: number;
  readonly user: string;
  /** Of one processor, in the last second. */
  readonly cpuPercent: number;
  /** Of the host's. */
  readonly memoryPercent: number;
  readonly residentBytes: number;
  readonly time: string;
  readonly command: string;
}

const SORTS: Readonly<Record<string, (a: Process, b: Process) => number>> = {
  cpu: (a, b) => b.cpuPercent - a.cpuPercent || b.residentBytes - a.residentBytes,
  mem: (a, b) => b.residentBytes - a.residentBytes,
  pid: (a, b) => a.pid - b.pid,
  name: (a, b) => a.container.localeCompare(b.container) || a.pid - b.pid,
  time: (a, b) => b.time.length - a.time.length || b.time.localeCompare(a.time),
};

/** Throws `invalid-argument` for an order that there is not. */
export function orderOf(name: string): (a: Process, b: Process) => number {
  const order = Object.hasOwn(SORTS, name) ? SORTS[name] : undefined;
  if (order !== undefined) return order;
  throw invalidArgument(`unknown order "${name}": must be one of ${Object.keys(SORTS).join(', ')}`);
}

/** The processes of all running containers, or of those that are named. Throws `not-found` and `conflict` for names alone. */
export async function readProcesses(daemon: Daemon, names: readonly string[]): Promise<Process[]> {
  const containers = names.length > 0 ? names.map((id) => ({ id, name: id })) : await running(daemon);
  const strict = names.length > 0;
  const look = async (): Promise<Map<string, Looked>> => {
    const all = await Promise.all(containers.map((each) => lookAt(daemon, each, strict)));
    return new Map(all.flat().map((each) => [`${each.name} ${each.pid}`, each]));
  };
  const [before, beganMs] = [await look(), performance.now()];
  await new Promise((resolve) => setTimeout(resolve, MEASURE_MS));
  const after = await look();
  const elapsedMs = performance.now() - beganMs;
  return [...after].map(([key, { name, cpuMs, ...rest }]) => ({
    container: name,
    ...rest,
    cpuPercent: ((cpuMs - (before.get(key)?.cpuMs ?? cpuMs)) / elapsedMs) * 100,
  }));
}

interface Named {
  readonly id: string;
  readonly name: string;
}

async function running(daemon: Daemon): Promise<readonly Named[]> {
  const answer = await daemon.send({ method: 'GET', path: '/containers/json' });
  const list = JSON.parse(await answer.text()) as { Id: string; Names: readonly string[] }[];
  return list.map(({ Id, Names }) => ({ id: Id, name: Names[0]?.slice(1) ?? Id }));
}

interface Looked extends Omit<Process, 'container' | 'cpuPercent'> {
  readonly name: string;
  readonly cpuMs: number;
}

async function lookAt(daemon: Daemon, { id, name }: Named, strict: boolean): Promise<Looked[]> {
  try {
    const query = { ps_args: `-eo ${COLUMNS.join(',')}` };
    const answer = await daemon.send({ method: 'GET', path: containerPath(id, '/top'), query });
    const { Processes } = JSON.parse(await answer.text()) as { Processes: readonly string[][] | null };
    return (Processes ?? []).map(([pid, user = '', cpuMs, memory, rss, time = '', command = '']) => ({
      ...{ name, user, time, command },
      pid: Number(pid),
      cpuMs: Number(cpuMs),
      memoryPercent: Number(memory),
      residentBytes: Number(rss) * 1024,
    }));
  } catch (error) {
    // It has ended since it was listed.
    if (!strict && ['not-found', 'conflict'].includes(codeOf(error))) return [];
    throw error;
  }
}

export function showProcesses(processes: readonly Process[]): string {
  const titles = ['CONTAINER', 'PID', 'USER', 'CPU %', 'MEM %', 'MEM', 'TIME', 'COMMAND'];
  const rows = processes.map(({ container, pid, user, cpuPercent, memoryPercent, ...rest }) => [
    ...[container, String(pid), user, `${cpuPercent.toFixed(1)}%`, `${memoryPercent.toFixed(1)}%`],
    ...[binarySize(rest.residentBytes), rest.time, rest.command],
  ]);
  const lines = [titles, ...rows].map((cells) => `${cells.join('\t')}\n`);
  return alignColumns(lines.join(''), { minimum: 8, padding: 3 });
}
