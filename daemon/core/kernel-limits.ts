import { access, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { hierarchyOf, type CgroupLayout } from '../../runtime/cgroup/layout.ts';

/** Which limits the host's cgroups have; docker's SysInfo. Read once. */
export interface KernelLimits {
  readonly memory: boolean;
  readonly swap: boolean;
  readonly reservation: boolean;
  readonly swappiness: boolean;
  readonly oomKillDisable: boolean;
  readonly kernelMemory: boolean;
  readonly kernelMemoryTcp: boolean;
  readonly cpuShares: boolean;
  readonly cpuQuota: boolean;
  readonly cpuRealtime: boolean;
  readonly cpuset: boolean;
  readonly pids: boolean;
  readonly blkioWeight: boolean;
  readonly blkioWeightDevice: boolean;
  readonly readBps: boolean;
  readonly writeBps: boolean;
  readonly readIops: boolean;
  readonly writeIops: boolean;
}

/** Files of version 1 controllers, of which one has to be there. The one of BFQ's that the root cgroup has says that it is built in. */
const FILES: Readonly<Record<keyof KernelLimits, readonly [controller: string, ...files: string[]]>> = {
  memory: ['memory', 'memory.limit_in_bytes'],
  swap: ['memory', 'memory.memsw.limit_in_bytes'],
  reservation: ['memory', 'memory.soft_limit_in_bytes'],
  swappiness: ['memory', 'memory.swappiness'],
  oomKillDisable: ['memory', 'memory.oom_control'],
  kernelMemory: ['memory', 'memory.kmem.limit_in_bytes'],
  kernelMemoryTcp: ['memory', 'memory.kmem.tcp.limit_in_bytes'],
  cpuShares: ['cpu', 'cpu.shares'],
  cpuQuota: ['cpu', 'cpu.cfs_quota_us'],
  cpuRealtime: ['cpu', 'cpu.rt_period_us'],
  cpuset: ['cpuset', 'cpuset.cpus'],
  pids: ['pids', 'cgroup.procs'],
  blkioWeight: ['blkio', 'blkio.weight', 'blkio.bfq.io_serviced'],
  blkioWeightDevice: ['blkio', 'blkio.weight_device', 'blkio.bfq.io_serviced'],
  readBps: ['blkio', 'blkio.throttle.read_bps_device'],
  writeBps: ['blkio', 'blkio.throttle.write_bps_device'],
  readIops: ['blkio', 'blkio.throttle.read_iops_device'],
  writeIops: ['blkio', 'blkio.throttle.write_iops_device'],
};

/** Where version 2 calls a controller otherwise. */
const UNIFIED_NAMES: Readonly<Record<string, string>> = { blkio: 'io' };
/** What version 2 has no more. */
const VERSION_1_ONLY: readonly string[] = [
  'swappiness',
  'oomKillDisable',
  'kernelMemory',
  'kernelMemoryTcp',
  'cpuRealtime',
];

/** What version 2's controller of block devices has only with some schedulers, or as the kernel was built. */
const UNIFIED_IO: Readonly<Record<string, readonly string[]>> = {
  blkioWeight: ['io.bfq.weight', 'io.weight'],
  blkioWeightDevice: ['io.bfq.weight'],
  readBps: ['io.max'],
  writeBps: ['io.max'],
  readIops: ['io.max'],
  writeIops: ['io.max'],
};

/** A controller counts where it is: mounted as version 1, or else in version 2. */
export async function readKernelLimits(layout: CgroupLayout): Promise<KernelLimits> {
  const ofIo = layout.unified === undefined ? undefined : await ioFiles(layout.unified);
  const found = await Promise.all(
    Object.entries(FILES).map(async ([name, [controller, ...files]]) => {
      const mountPoint = hierarchyOf(layout, controller)?.mountPoint;
      if (mountPoint !== undefined) {
        const there = await Promise.all(files.map((file) => exists(join(mountPoint, file))));
        return [name, there.includes(true)] as const;
      }
      const unified = layout.unifiedControllers ?? [];
      const isThere = unified.includes(UNIFIED_NAMES[controller] ?? controller);
      const lacks = UNIFIED_IO[name]?.every((file) => ofIo?.includes(file) === false) === true;
      return [name, isThere && !lacks && !VERSION_1_ONLY.includes(name)] as const;
    }),
  );
  return Object.fromEntries(found) as unknown as KernelLimits;
}

/** The root has no limits: files of any cgroup below it that has the controller; undefined when none has. */
async function ioFiles(root: string): Promise<readonly string[] | undefined> {
  const entries = await readdir(root, { withFileTypes: true });
  for (const { name } of entries.filter((entry) => entry.isDirectory())) {
    const files = await readdir(join(root, name)).catch((): string[] => []);
    if (files.includes('io.stat')) return files;
  }
  return undefined;
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
