import { invalidArgument } from '../../../common/errors.ts';

const MAX_CPUS = 8192;

/**
 * Refuses a `--cpuset-cpus` (`0-2,4`) that this host can't honour, in docker's words. `count` processors, numbered from 0.
 */
export function checkCpuList(list: string, count: number): void {
  const asked = list
    .split(',')
    .filter((part) => part !== '')
    .map((part) => parseRange(part, list));
  if (asked.every(({ last }) => last < count)) return;
  const available = count === 1 ? '0' : `0-${count - 1}`;
  throw invalidArgument(`Requested CPUs are not available - requested ${list}, available: ${available}`);
}

function parseRange(part: string, list: string): { readonly last: number } {
  const [, from = '', to = from] = /^\s*(\d+)(?:-(\d+))?\s*$/.exec(part) ?? [];
  const last = Number(to);
  if (from === '' || Number(from) > last || last > MAX_CPUS) {
    throw invalidArgument(`Invalid value ${list} for cpuset cpus`);
  }
  return { last };
}
