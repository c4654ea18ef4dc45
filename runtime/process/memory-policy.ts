import { invalidArgument } from '../../common/errors.ts';
import type { PlanBuilder } from '../plan/builder.ts';
import type { Linux } from '../spec.ts';
import { cpuMask } from './affinity.ts';

/** include/uapi/linux/mempolicy.h; which of them take nodes is man 2 set_mempolicy's. */
const MODES: Readonly<Record<string, { readonly number: number; readonly nodes: 'none' | 'some' | 'any' }>> =
  {
    MPOL_DEFAULT: { number: 0, nodes: 'none' },
    MPOL_PREFERRED: { number: 1, nodes: 'any' },
    MPOL_BIND: { number: 2, nodes: 'some' },
    MPOL_INTERLEAVE: { number: 3, nodes: 'some' },
    MPOL_LOCAL: { number: 4, nodes: 'none' },
    MPOL_PREFERRED_MANY: { number: 5, nodes: 'some' },
    MPOL_WEIGHTED_INTERLEAVE: { number: 6, nodes: 'some' },
  };
const FLAGS: Readonly<Record<string, number>> = {
  MPOL_F_STATIC_NODES: 1 << 15,
  MPOL_F_RELATIVE_NODES: 1 << 14,
  MPOL_F_NUMA_BALANCING: 1 << 13,
};
export const MEMORY_POLICY_MODES: readonly string[] = Object.keys(MODES);
export const MEMORY_POLICY_FLAGS: readonly string[] = Object.keys(FLAGS);

/**
 * The NUMA policy of the process (runtime-spec 1.3 config-linux.md, "Memory Policy"). Throws `invalid-argument` for an unknown mode or
 * flag, and for nodes that the mode does not go with.
 */
export function setMemoryPolicy(plan: PlanBuilder, { memoryPolicy }: Linux): void {
  if (memoryPolicy === undefined) return;
  const { mode: name, nodes = '', flags = [] } = memoryPolicy;
  const mode = Object.hasOwn(MODES, name) ? MODES[name] : undefined;
  if (mode === undefined) throw invalidArgument(`invalid memory policy mode: ${name}`);
  const mask = nodeMask(nodes);
  if (mode.nodes === 'none' && mask !== undefined)
    throw invalidArgument(`${name} mode requires 0 nodes but got ${countOf(mask)}`);
  if (mode.nodes === 'some' && mask === undefined)
    throw invalidArgument(`${name} mode requires at least one node but got 0`);
  const bits = flags.reduce((all, flag) => all | flagOf(flag), mode.number);
  const label = `set the memory policy ${name} ${nodes}`.trim();
  plan.call(label, 'set_mempolicy', [bits, mask ?? 0, mask === undefined ? 0 : mask.byteLength * 8 + 1]);
}

function flagOf(name: string): number {
  const flag = Object.hasOwn(FLAGS, name) ? FLAGS[name] : undefined;
  if (flag === undefined) throw invalidArgument(`invalid memory policy flag: ${name}`);
  return flag;
}

/** Lists of nodes are written as those of cpus are. */
const countOf = (mask: Uint8Array): number =>
  mask.reduce((count, byte) => count + byte.toString(2).replaceAll('0', '').length, 0);

function nodeMask(nodes: string): Uint8Array | undefined {
  try {
    return cpuMask(nodes);
  } catch (error) {
    throw invalidArgument(`invalid memory policy nodes: "${nodes}"`, { cause: error });
  }
}
