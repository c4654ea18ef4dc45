import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Count, NestedCounts } from '../../../../runtime/cgroup/live/numbers.ts';
import type { UnifiedCounts } from '../../../../runtime/cgroup/live/unified.ts';
import type { MetricsSchema } from '../gen/containerd/cgroups/v2/metrics_pb.ts';

type Metrics = MessageInitShape<typeof MetricsSchema>;
type Counts = ReadonlyMap<string, Count>;

/** A cgroup's files in the message of version 2: fields bear the names of the kernel's keys. Those of newer kernels it does not know. */
export const metricsV2 = ({ pids, cpu, memory, io, rdma, hugetlb }: UnifiedCounts): Metrics => ({
  pids: { current: BigInt(pids.current), limit: BigInt(pids.max) },
  cpu: fieldsOf(cpu),
  memory: {
    ...fieldsOf(memory.stat),
    usage: BigInt(memory.current),
    usageLimit: BigInt(memory.max),
    swapUsage: BigInt(memory.swapCurrent),
    swapLimit: BigInt(memory.swapMax),
  },
  memoryEvents: fieldsOf(memory.events),
  io: { usage: io.map(ioEntry) },
  rdma: { current: rdmaEntries(rdma.current), limit: rdmaEntries(rdma.max) },
  hugetlb: hugetlb.map(({ pagesize, current, max }) => ({
    pagesize,
    current: BigInt(current),
    max: BigInt(max),
  })),
});

const camel = (name: string): string =>
  name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

const fieldsOf = (counts: Counts): Record<string, bigint> =>
  Object.fromEntries([...counts].map(([name, count]) => [camel(name), BigInt(count)]));

function ioEntry([device, counts]: NestedCounts[number]): Record<string, bigint> {
  const [major = 0, minor = 0] = device.split(':').map(Number);
  return { ...fieldsOf(counts), major: BigInt(major), minor: BigInt(minor) };
}

const MAX_U32 = 2 ** 32 - 1;
const small = (count: Count | undefined): number => Math.min(Number(count ?? 0), MAX_U32);

const rdmaEntries = (devices: NestedCounts) =>
  devices.map(([device, counts]) => ({
    device,
    hcaHandles: small(counts.get('hca_handle')),
    hcaObjects: small(counts.get('hca_object')),
  }));
