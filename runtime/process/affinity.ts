import { invalidArgument } from '../../common/errors.ts';
import type { PlanBuilder } from '../plan/builder.ts';
import type { Process } from '../spec.ts';

/** More than any kernel is built for (NR_CPUS); the kernel cuts the mask to what it has. */
const MAX_CPU = 8191;

/**
 * The bit mask (man 2 sched_setaffinity) of a list like `0-3,5`; undefined for a list of nothing but white space and commas.
 * Throws `invalid-argument`.
 */
export function cpuMask(list: string): Uint8Array | undefined {
  const ranges = list
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => rangeOf(part, list));
  if (ranges.length === 0) return undefined;
  const last = Math.max(...ranges.map(([, end]) => end));
  const mask = new Uint8Array(8 * Math.ceil((last + 1) / 64));
  for (const [first, end] of ranges) {
    for (let cpu = first; cpu <= end; cpu += 1) mask[cpu >> 3] = (mask[cpu >> 3] ?? 0) | (1 << (cpu & 7));
  }
  return mask;
}

function rangeOf(part: string, list: string): [first: number, last: number] {
  const match = /^(\d+)(?:-(\d+))?$/.exec(part);
  const [first, last] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])];
  if (match === null || first > last || last > MAX_CPU) throw invalidArgument(`bad CPU affinity "${list}"`);
  return [first, last];
}

/** In the parent, before it forks: `initial` holds until the process is in its cgroups. */
export function setInitialAffinity(plan: PlanBuilder, process: Process): void {
  const { initial = '' } = process.execCPUAffinity ?? {};
  const mask = cpuMask(initial);
  if (mask !== undefined) setAffinity(plan, `set initial CPU affinity ${initial}`, mask);
}

/**
 * In the child, in its cgroups. Without any affinity of its own it gets all cpus that its cgroup has, whichever its caller was
 * bound to. `execCPUAffinity` is for further processes only.
 */
export function setFinalAffinity(plan: PlanBuilder, process: Process, isFirst: boolean): void {
  const { initial = '', final = '' } = isFirst ? {} : (process.execCPUAffinity ?? {});
  const mask = cpuMask(final);
  if (mask !== undefined) setAffinity(plan, `set final CPU affinity ${final}`, mask);
  else if (cpuMask(initial) === undefined) {
    const all = new Uint8Array((MAX_CPU + 1) / 8).fill(0xff);
    setAffinity(plan, 'leave the CPU affinity of the caller', all, ['EPERM', 'EINVAL']);
  }
}

const setAffinity = (
  plan: PlanBuilder,
  label: string,
  ...rest: [mask: Uint8Array, ignore?: string[]]
): void => {
  const [mask, ignore = []] = rest;
  plan.call(label, 'sched_setaffinity', [0, mask.byteLength, mask], { ignore });
};
