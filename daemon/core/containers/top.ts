import { readFile } from 'node:fs/promises';
import { totalmem } from 'node:os';
import type { Ctx } from '../../../common/ctx.ts';
import { processes } from '../../../runtime/cgroup/live/processes.ts';
import { cgroupPathOf } from '../cgroups.ts';
import type { ProcessTable } from '../contract.ts';
import type { Core } from '../core.ts';
import type { Surroundings } from '../processes/columns.ts';
import { readProcess } from '../processes/process.ts';
import { columnsFor } from '../processes/ps-arguments.ts';
import { announce } from './announce.ts';
import { runOf } from './state.ts';

/** Containers.top: from /proc, as the host sees it. */
export async function top(
  core: Core,
  _ctx: Ctx,
  { reference, psArguments }: { readonly reference: string; readonly psArguments: string },
): Promise<ProcessTable> {
  const entry = core.table.find(reference);
  const columns = columnsFor(psArguments === '' ? '-ef' : psArguments);
  runOf(entry);
  const pids = await processes({ layout: core.host.cgroups, path: cgroupPathOf(core, entry.view) });
  const [host, ...found] = await Promise.all([
    surroundings(),
    ...pids.sort((one, other) => one - other).map((pid) => readProcess(pid)),
  ]);
  const living = found.flatMap((facts) => (facts === undefined ? [] : [facts]));
  announce(core, entry, { action: 'top' });
  return {
    titles: columns.map(({ title }) => title),
    rows: living.map((facts) => columns.map(({ show }) => show(facts, host))),
  };
}

async function surroundings(): Promise<Surroundings> {
  const [uptime, passwd, group] = await Promise.all([
    readFile('/proc/uptime', 'utf8'),
    ...['/etc/passwd', '/etc/group'].map((path) => readFile(path, 'utf8').catch(() => '')),
  ]);
  return {
    nowMs: Date.now(),
    uptimeS: Number(uptime.split(' ', 1)[0]),
    memoryBytes: totalmem(),
    userName: namesIn(passwd ?? ''),
    groupName: namesIn(group ?? ''),
  };
}

/** Lines `name:x:number:...`; the first of a number counts. */
function namesIn(text: string): (number: number) => string {
  const names = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [name = '', , number = ''] = line.split(':');
    if (number !== '' && !names.has(number)) names.set(number, name);
  }
  return (number) => names.get(String(number)) ?? String(number);
}
