import {
  type Fields,
  mapOf,
  numberOf,
  objectsOf,
  optional,
  pairs,
  repeat,
  textOf,
  textsOf,
} from './facts.ts';

const DEFAULT_SHM_BYTES = 64 * 1024 * 1024;

/** Flags for what docker keeps in HostConfig, networks, ports and storage apart. */
export function hostWords(host: Fields): string[] {
  const text = (flag: string, name: string): string[] => optional(flag, textOf(host, name));
  const number = (flag: string, name: string): string[] => optional(flag, numberOf(host, name));
  const list = (flag: string, name: string): string[] => repeat(flag, textsOf(host, name));
  const log = (host['LogConfig'] ?? {}) as Fields;
  const shm = numberOf(host, 'ShmSize');
  const ipc = textOf(host, 'IpcMode');
  const runtime = textOf(host, 'Runtime');
  return [
    ...(host['AutoRemove'] === true ? ['--rm'] : []),
    ...restartWords((host['RestartPolicy'] ?? {}) as Fields),
    ...(textOf(log, 'Type') === 'json-file' ? [] : optional('--log-driver', textOf(log, 'Type'))),
    ...pairs('--log-opt', mapOf(log, 'Config')),
    ...list('--cap-add', 'CapAdd'),
    ...list('--cap-drop', 'CapDrop'),
    ...list('--dns', 'Dns'),
    ...list('--dns-option', 'DnsOptions'),
    ...list('--dns-search', 'DnsSearch'),
    ...list('--add-host', 'ExtraHosts'),
    ...list('--group-add', 'GroupAdd'),
    ...(host['Privileged'] === true ? ['--privileged'] : []),
    ...(host['ReadonlyRootfs'] === true ? ['--read-only'] : []),
    ...securityWords(host),
    ...(shm === DEFAULT_SHM_BYTES ? [] : optional('--shm-size', shm)),
    ...pairs('--sysctl', mapOf(host, 'Sysctls')),
    ...pairs('--annotation', mapOf(host, 'Annotations')),
    ...text('--cgroupns', 'CgroupnsMode'),
    ...(ipc === 'private' ? [] : optional('--ipc', ipc)),
    ...text('--pid', 'PidMode'),
    ...text('--uts', 'UTSMode'),
    ...text('--userns', 'UsernsMode'),
    ...(runtime === 'runc' ? [] : optional('--runtime', runtime)),
    ...text('--isolation', 'Isolation'),
    ...pairs('--storage-opt', mapOf(host, 'StorageOpt')),
    ...(typeof host['Init'] === 'boolean' ? [`--init=${host['Init']}`] : []),
    ...number('--oom-score-adj', 'OomScoreAdj'),
    ...limitWords(host),
  ];
}

function restartWords(policy: Fields): string[] {
  const name = textOf(policy, 'Name');
  if (name === '' || name === 'no') return [];
  const most = numberOf(policy, 'MaximumRetryCount');
  const ns = (key: string, field: string): string[] =>
    policy[field] === undefined ? [] : [`${key}=${numberOf(policy, field)}ns`];
  const plain = (key: string, field: string): string[] =>
    policy[field] === undefined ? [] : [`${key}=${numberOf(policy, field)}`];
  const backoff = [
    ...[...ns('min', 'MinDelay'), ...ns('max', 'MaxDelay'), ...plain('multiplier', 'Multiplier')],
    ...[...ns('reset', 'ResetAfter'), ...plain('jitter', 'Jitter')],
  ];
  return [
    '--restart',
    most > 0 ? `${name}:${most}` : name,
    ...optional('--restart-backoff', backoff.join(',')),
  ];
}

/** What the daemon adds by itself for privileged containers is left out, and so is what flags can't say: a profile's text. */
function securityWords(host: Fields): string[] {
  const sharesHost =
    host['Privileged'] === true || textOf(host, 'IpcMode') === 'host' || textOf(host, 'PidMode') === 'host';
  const options = textsOf(host, 'SecurityOpt').filter(
    (option) => !(sharesHost && option === 'label=disable') && !option.startsWith('seccomp={'),
  );
  const isOpen = Array.isArray(host['MaskedPaths']) && host['MaskedPaths'].length === 0;
  return repeat('--security-opt', [...options, ...(isOpen ? ['systempaths=unconfined'] : [])]);
}

function limitWords(host: Fields): string[] {
  const text = (flag: string, name: string): string[] => optional(flag, textOf(host, name));
  const number = (flag: string, name: string): string[] => optional(flag, numberOf(host, name));
  const rates = (flag: string, name: string): string[] =>
    repeat(
      flag,
      objectsOf(host, name).map(
        (rate) => `${textOf(rate, 'Path')}:${String(rate['Rate'] ?? rate['Weight'])}`,
      ),
    );
  const swap = numberOf(host, 'MemorySwap');
  const swappiness = host['MemorySwappiness'] as number | null | undefined;
  const nano = numberOf(host, 'NanoCpus');
  return [
    ...number('--memory', 'Memory'),
    ...number('--memory-reservation', 'MemoryReservation'),
    ...(swap === numberOf(host, 'Memory') * 2 ? [] : optional('--memory-swap', swap)),
    ...((swappiness ?? -1) === -1 ? [] : ['--memory-swappiness', String(swappiness)]),
    ...(host['OomKillDisable'] === true ? ['--oom-kill-disable'] : []),
    ...optional('--cpus', nano === 0 ? '' : String(nano / 1e9)),
    ...number('--cpu-shares', 'CpuShares'),
    ...number('--cpu-period', 'CpuPeriod'),
    ...number('--cpu-quota', 'CpuQuota'),
    ...number('--cpu-rt-period', 'CpuRealtimePeriod'),
    ...number('--cpu-rt-runtime', 'CpuRealtimeRuntime'),
    ...text('--cpuset-cpus', 'CpusetCpus'),
    ...text('--cpuset-mems', 'CpusetMems'),
    ...text('--cgroup-parent', 'CgroupParent'),
    ...number('--pids-limit', 'PidsLimit'),
    ...number('--blkio-weight', 'BlkioWeight'),
    ...rates('--blkio-weight-device', 'BlkioWeightDevice'),
    ...rates('--device-read-bps', 'BlkioDeviceReadBps'),
    ...rates('--device-write-bps', 'BlkioDeviceWriteBps'),
    ...rates('--device-read-iops', 'BlkioDeviceReadIOps'),
    ...rates('--device-write-iops', 'BlkioDeviceWriteIOps'),
    ...repeat(
      '--device',
      objectsOf(host, 'Devices').map((device) =>
        ['PathOnHost', 'PathInContainer', 'CgroupPermissions'].map((part) => textOf(device, part)).join(':'),
      ),
    ),
    ...repeat('--device-cgroup-rule', textsOf(host, 'DeviceCgroupRules')),
    ...repeat(
      '--ulimit',
      objectsOf(host, 'Ulimits').map(
        (limit) => `${textOf(limit, 'Name')}=${numberOf(limit, 'Soft')}:${numberOf(limit, 'Hard')}`,
      ),
    ),
  ];
}
