import { type Fields, numberOf, objectsOf, textOf } from '../facts.ts';

/** HostConfig's limits by compose's names. */
export function limitsOf(host: Fields): Fields {
  const number = (name: string): number | undefined => numberOf(host, name) || undefined;
  const memory = numberOf(host, 'Memory');
  const swap = numberOf(host, 'MemorySwap');
  const swappiness = host['MemorySwappiness'] as number | null | undefined;
  return {
    mem_limit: number('Memory'),
    mem_reservation: number('MemoryReservation'),
    memswap_limit: swap === memory * 2 ? undefined : number('MemorySwap'),
    mem_swappiness: (swappiness ?? -1) === -1 ? undefined : swappiness,
    oom_kill_disable: host['OomKillDisable'] === true || undefined,
    oom_score_adj: number('OomScoreAdj'),
    cpus: numberOf(host, 'NanoCpus') === 0 ? undefined : numberOf(host, 'NanoCpus') / 1e9,
    cpu_shares: number('CpuShares'),
    cpu_period: number('CpuPeriod'),
    cpu_quota: number('CpuQuota'),
    cpu_rt_period: number('CpuRealtimePeriod'),
    cpu_rt_runtime: number('CpuRealtimeRuntime'),
    cpuset: textOf(host, 'CpusetCpus'),
    cgroup_parent: textOf(host, 'CgroupParent'),
    pids_limit: number('PidsLimit'),
    blkio_config: blkioOf(host),
    ulimits: Object.fromEntries(
      objectsOf(host, 'Ulimits').map((limit) => [
        textOf(limit, 'Name'),
        { soft: numberOf(limit, 'Soft'), hard: numberOf(limit, 'Hard') },
      ]),
    ),
  };
}

function blkioOf(host: Fields): Fields | undefined {
  const devices = {
    weight_device: 'BlkioWeightDevice',
    device_read_bps: 'BlkioDeviceReadBps',
    device_write_bps: 'BlkioDeviceWriteBps',
    device_read_iops: 'BlkioDeviceReadIOps',
    device_write_iops: 'BlkioDeviceWriteIOps',
  };
  const lists = Object.entries(devices).map(([name, field]) => [
    name,
    objectsOf(host, field).map((each) => ({
      path: textOf(each, 'Path'),
      ...(name === 'weight_device' ? { weight: each['Weight'] } : { rate: each['Rate'] }),
    })),
  ]);
  const set = lists.filter(([, list]) => (list?.length ?? 0) > 0);
  const weight = numberOf(host, 'BlkioWeight');
  if (weight === 0 && set.length === 0) return undefined;
  return { ...(weight === 0 ? {} : { weight }), ...Object.fromEntries(set) };
}
