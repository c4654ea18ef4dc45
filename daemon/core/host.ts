import { readFile } from 'node:fs/promises';
import { availableParallelism, cpus } from 'node:os';
import { CAPABILITIES } from '../../runtime/security/capabilities.ts';
import { readCgroupLayout, type CgroupLayout } from '../../runtime/cgroup/layout.ts';

/** What of the host does not change while the daemon runs. */
export interface Host {
  readonly cgroups: CgroupLayout;
  readonly cpus: number;
  /** What the daemon itself may do: a privileged container gets no more. */
  readonly capabilities: readonly string[];
}

export async function readHost(): Promise<Host> {
  return {
    cgroups: await readCgroupLayout(),
    cpus: cpus().length || availableParallelism(),
    capabilities: parseCapabilities(await readFile('/proc/self/status', 'utf8')),
  };
}

/** The permitted ones (man 5 proc_pid_status). */
function parseCapabilities(status: string): string[] {
  const mask = BigInt(`0x${/^CapPrm:\t([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  return CAPABILITIES.filter((_, number) => ((mask >> BigInt(number)) & 1n) === 1n);
}
