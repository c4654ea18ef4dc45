import { readFile } from 'node:fs/promises';
import { availableParallelism, cpus } from 'node:os';
import { CAPABILITIES } from '../../runtime/security/capabilities.ts';
import { hierarchyOf, readCgroupLayout, type CgroupLayout } from '../../runtime/cgroup/layout.ts';
import { readKernelLimits, type KernelLimits } from './kernel-limits.ts';

/** What of the host does not change while the daemon runs. */
export interface Host {
  readonly cgroups: CgroupLayout;
  readonly cpus: number;
  /** Lists of cpus and memory nodes, `0-3,8`; undefined where the kernel limits nobody to some. */
  readonly cpuset: { readonly cpus: string; readonly mems: string } | undefined;
  /** What the daemon itself may do: a privileged container gets no more. */
  readonly capabilities: readonly string[];
  readonly limits: KernelLimits;
  /** The kernel confines by AppArmor's profiles. */
  readonly hasAppArmor: boolean;
}

export async function readHost(): Promise<Host> {
  const cgroups = await readCgroupLayout();
  return {
    cgroups,
    limits: await readKernelLimits(cgroups),
    hasAppArmor: (await textOf('/sys/module/apparmor/parameters/enabled')).startsWith('Y'),
    cpuset: await readCpuset(cgroups),
    cpus: cpus().length || availableParallelism(),
    capabilities: parseCapabilities(await readFile('/proc/self/status', 'utf8')),
  };
}

/** Empty where there is no such file. */
const textOf = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');

/** The permitted ones (man 5 proc_pid_status). */
function parseCapabilities(status: string): string[] {
  const mask = BigInt(`0x${/^CapPrm:\t([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  return CAPABILITIES.filter((_, number) => ((mask >> BigInt(number)) & 1n) === 1n);
}

async function readCpuset(layout: CgroupLayout): Promise<Host['cpuset']> {
  const directory = hierarchyOf(layout, 'cpuset')?.mountPoint;
  const names =
    directory === undefined
      ? ['cpuset.cpus.effective', 'cpuset.mems.effective']
      : ['cpuset.cpus', 'cpuset.mems'];
  try {
    const [cpus = '', mems = ''] = await Promise.all(
      names.map((name) => readFile(`${directory ?? layout.unified}/${name}`, 'utf8')),
    );
    return { cpus: cpus.trim(), mems: mems.trim() };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
