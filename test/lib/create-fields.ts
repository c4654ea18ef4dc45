import { readlinkSync } from 'node:fs';

/** What a container that is created with a field has to show, or why it is refused. */
export interface FieldCase {
  /** Into the body of `POST /containers/create`. */
  readonly ask: object;
  /** Run in the container by a shell, unless `ask` has a command; it prints what `says` matches. */
  readonly script?: string;
  readonly says?: RegExp;
  /** Kept for clients: inspect's JSON has it. Of a running container with `runs`. */
  readonly shows?: RegExp;
  readonly runs?: boolean;
  /** Message of create, or of start. */
  readonly refused?: RegExp;
  readonly warned?: RegExp;
  readonly version?: string;
}

const host = (HostConfig: object): object => ({ HostConfig });
const endpoint = (settings: object): object => ({
  HostConfig: { NetworkMode: 'fields' },
  NetworkingConfig: { EndpointsConfig: { fields: settings } },
});
const cgroup = (name: string): string => `cat /sys/fs/cgroup/*/${name}`;
const namespace = (name: string): Pick<FieldCase, 'script' | 'says'> => ({
  script: `readlink /proc/self/ns/${name}`,
  says: new RegExp(`^${RegExp.escape(readlinkSync(`/proc/self/ns/${name}`))}$`),
});

/** Docker's Config (API 1.51), a case a field. */
const CONFIG: Readonly<Record<string, FieldCase>> = {
  Hostname: { ask: { Hostname: 'boat' }, script: 'hostname', says: /^boat$/ },
  Domainname: { ask: { Domainname: 'lake' }, script: 'cat /proc/sys/kernel/domainname', says: /^lake$/ },
  User: { ask: { User: '7:8' }, script: 'id -u; id -g', says: /^7\s+8$/ },
  AttachStdin: { ask: { AttachStdin: true }, shows: /"AttachStdin":true/ },
  AttachStdout: { ask: { AttachStdout: true }, shows: /"AttachStdout":true/ },
  AttachStderr: { ask: { AttachStderr: true }, shows: /"AttachStderr":true/ },
  ExposedPorts: { ask: { ExposedPorts: { '80/tcp': {} } }, runs: true, shows: /"Ports":\{"80\/tcp":null\}/ },
  Tty: { ask: { Tty: true }, script: 'tty', says: /^\/dev\/pts\/0$/ },
  OpenStdin: { ask: { OpenStdin: true }, script: 'readlink /proc/self/fd/0', says: /^pipe:/ },
  StdinOnce: { ask: { OpenStdin: true, StdinOnce: true }, shows: /"StdinOnce":true/ },
  Env: { ask: { Env: ['A=b'] }, script: 'echo $A', says: /^b$/ },
  Cmd: { ask: { Cmd: ['echo', 'cmd'] }, says: /^cmd$/ },
  Healthcheck: {
    ask: { Healthcheck: { Test: ['CMD', 'true'], Interval: 2e9, StartInterval: 1e9, StartPeriod: 3e9 } },
    runs: true,
    shows: /"Health":\{"Status":"starting".*"StartInterval":1000000000/,
  },
  ArgsEscaped: { ask: { ArgsEscaped: true }, shows: /"ArgsEscaped":true/ },
  Image: { ask: { Image: 'none' }, refused: /^No such image: none:latest$/ },
  Volumes: { ask: { Volumes: { '/vol': {} } }, script: 'grep -c " /vol " /proc/mounts', says: /^1$/ },
  WorkingDir: { ask: { WorkingDir: '/made' }, script: 'pwd', says: /^\/made$/ },
  Entrypoint: { ask: { Entrypoint: ['echo', 'entry'], Cmd: ['x'] }, says: /^entry x$/ },
  NetworkDisabled: { ask: { NetworkDisabled: true }, script: 'ls /sys/class/net', says: /^lo$/ },
  MacAddress: {
    ask: { MacAddress: '02:42:ac:11:00:99' },
    script: 'cat /sys/class/net/eth0/address',
    says: /^02:42:ac:11:00:99$/,
  },
  OnBuild: { ask: { OnBuild: ['RUN x'] }, shows: /"OnBuild":\["RUN x"\]/ },
  Labels: { ask: { Labels: { a: 'b' } }, shows: /"Labels":\{"a":"b"\}/ },
  StopSignal: { ask: { StopSignal: 'SIGNONE' }, refused: /^invalid signal: SIGNONE$/ },
  StopTimeout: { ask: { StopTimeout: 3 }, shows: /"StopTimeout":3/ },
  Shell: { ask: { Shell: ['/bin/ash'] }, shows: /"Shell":\["\/bin\/ash"\]/ },
};

/** Of its HostConfig, limits apart. `base` runs and has a volume at /vol. */
const HOST_CONFIG: Readonly<Record<string, FieldCase>> = {
  Binds: { ask: host({ Binds: ['/tmp:/t:ro'] }), script: 'touch /t/x 2>&1', says: /Read-only file system/ },
  ContainerIDFile: { ask: host({ ContainerIDFile: '/x' }), shows: /"ContainerIDFile":"\/x"/ },
  LogConfig: {
    ask: host({ LogConfig: { Type: 'json-file', Config: { nothing: 'x' } } }),
    refused: /^unknown log opt 'nothing' for json-file log driver$/,
  },
  NetworkMode: { ask: host({ NetworkMode: 'none' }), script: 'ls /sys/class/net', says: /^lo$/ },
  PortBindings: {
    ask: host({ PortBindings: { '80/tcp': [{ HostPort: '18080' }] } }),
    runs: true,
    shows: /"Ports":\{"80\/tcp":\[\{"HostIp":"0.0.0.0","HostPort":"18080"\}/,
  },
  RestartPolicy: {
    ask: { Cmd: ['false'], HostConfig: { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 2 } } },
    runs: true,
    shows: /"RestartCount":2,/,
  },
  AutoRemove: { ask: host({ AutoRemove: true }), shows: /"AutoRemove":true/ },
  VolumeDriver: {
    ask: { Volumes: { '/v': {} }, HostConfig: { VolumeDriver: 'none' } },
    refused: /plugin "none" not found/,
  },
  VolumesFrom: {
    ask: host({ VolumesFrom: ['base:ro'] }),
    script: 'touch /vol/x 2>&1',
    says: /Read-only file system/,
  },
  ConsoleSize: {
    ask: { Tty: true, HostConfig: { ConsoleSize: [33, 44] } },
    script: 'stty size',
    says: /^33 44$/,
  },
  Annotations: { ask: host({ Annotations: { a: 'b' } }), shows: /"Annotations":\{"a":"b"\}/ },
  CapAdd: {
    ask: host({ CapAdd: ['NET_ADMIN'] }),
    script: 'ip link set lo mtu 1234; cat /sys/class/net/lo/mtu',
    says: /^1234$/,
  },
  CapDrop: {
    ask: host({ CapDrop: ['ALL'] }),
    script: 'grep CapEff /proc/self/status',
    says: /\b0{16}$/,
  },
  CgroupnsMode: { ask: host({ CgroupnsMode: 'host' }), ...namespace('cgroup') },
  Dns: { ask: host({ Dns: ['192.0.2.1'] }), script: 'cat /etc/resolv.conf', says: /^nameserver 192.0.2.1$/m },
  DnsOptions: { ask: host({ DnsOptions: ['ndots:7'] }), script: 'cat /etc/resolv.conf', says: /ndots:7/ },
  DnsSearch: { ask: host({ DnsSearch: ['a.test'] }), script: 'cat /etc/resolv.conf', says: /search a.test/ },
  ExtraHosts: { ask: host({ ExtraHosts: ['h:192.0.2.2'] }), script: 'cat /etc/hosts', says: /192.0.2.2\s+h/ },
  GroupAdd: { ask: host({ GroupAdd: ['4321'] }), script: 'id -G', says: /\b4321\b/ },
  IpcMode: { ask: host({ IpcMode: 'host' }), ...namespace('ipc') },
  Cgroup: { ask: host({ Cgroup: 'x' }), refused: /^invalid HostConfig.Cgroup "x"/ },
  Links: { ask: host({ Links: ['base:other'] }), script: 'cat /etc/hosts', says: /\sother\b/ },
  OomScoreAdj: { ask: host({ OomScoreAdj: 77 }), script: 'cat /proc/self/oom_score_adj', says: /^77$/ },
  PidMode: { ask: host({ PidMode: 'host' }), ...namespace('pid') },
  Privileged: {
    ask: host({ Privileged: true }),
    script: 'test -w /proc/sys/kernel/domainname && echo ok',
    says: /ok/,
  },
  PublishAllPorts: {
    ask: { ExposedPorts: { '70/udp': {} }, HostConfig: { PublishAllPorts: true } },
    runs: true,
    shows: /"Ports":\{"70\/udp":\[\{"HostIp":"0.0.0.0","HostPort":"\d+"\}/,
  },
  ReadonlyRootfs: {
    ask: host({ ReadonlyRootfs: true }),
    script: 'touch /x 2>&1',
    says: /Read-only file system/,
  },
  SecurityOpt: {
    ask: host({ SecurityOpt: ['no-new-privileges'] }),
    script: 'grep NoNewPrivs /proc/self/status',
    says: /1$/,
  },
  StorageOpt: {
    ask: host({ StorageOpt: { size: '1G' } }),
    script: 'df -k / | tail -n 1',
    says: /^overlay +10[4-7]\d{4} /,
  },
  Tmpfs: {
    ask: host({ Tmpfs: { '/t': 'size=1m' } }),
    script: 'grep " /t " /proc/mounts',
    says: /size=1024k/,
  },
  UTSMode: { ask: host({ UTSMode: 'host' }), ...namespace('uts') },
  UsernsMode: { ask: host({ UsernsMode: 'x' }), refused: /^invalid USER mode: x$/ },
  ShmSize: { ask: host({ ShmSize: 1 << 20 }), script: 'grep /dev/shm /proc/mounts', says: /size=1024k/ },
  Sysctls: {
    ask: host({ Sysctls: { 'net.ipv4.ip_default_ttl': '33' } }),
    script: 'cat /proc/sys/net/ipv4/ip_default_ttl',
    says: /^33$/,
  },
  Runtime: { ask: host({ Runtime: 'x' }), refused: /^unknown or invalid runtime name: x$/ },
  Isolation: { ask: host({ Isolation: 'hyperv' }), refused: /^invalid isolation \(hyperv\)/ },
  Mounts: {
    ask: host({
      Mounts: [{ Type: 'tmpfs', Target: '/t', TmpfsOptions: { SizeBytes: 1 << 20, Mode: 0o700 } }],
    }),
    script: 'grep " /t " /proc/mounts; stat -c %a /t',
    says: /size=1024k[^]*700$/,
  },
  MaskedPaths: { ask: host({ MaskedPaths: ['/proc/uptime'] }), script: 'wc -c < /proc/uptime', says: /^0$/ },
  ReadonlyPaths: {
    ask: host({ ReadonlyPaths: ['/etc'] }),
    script: 'touch /etc/x 2>&1',
    says: /Read-only file system/,
  },
  Init: { ask: host({ Init: true }), script: 'cat /proc/1/comm', says: /^docker-init$/ },
};

const KERNEL_LACKS = /kernel does not support|not supported by your kernel|is not mounted/i;

/** The rest of it: docker's Resources, on version 1 of cgroups. */
const RESOURCES: Readonly<Record<string, FieldCase>> = {
  CpuShares: { ask: host({ CpuShares: 99 }), script: cgroup('cpu.shares'), says: /^99$/m },
  Memory: { ask: host({ Memory: 64 << 20 }), script: cgroup('memory.limit_in_bytes'), says: /^67108864$/ },
  NanoCpus: { ask: host({ NanoCpus: 5e8 }), script: cgroup('cpu.cfs_quota_us'), says: /^50000$/m },
  CgroupParent: { ask: host({ CgroupParent: 'a/../../b' }), shows: /"CgroupParent":"a\/..\/..\/b"/ },
  BlkioWeight: { ask: host({ BlkioWeight: 5 }), refused: /^Range of blkio weight is from 10 to 1000$/ },
  BlkioWeightDevice: {
    ask: host({ BlkioWeightDevice: [{ Path: '/dev/none', Weight: 100 }] }),
    warned: KERNEL_LACKS,
    refused: /\/dev\/none/,
  },
  ...Object.fromEntries(
    (
      [
        ['BlkioDeviceReadBps', 'read_bps'],
        ['BlkioDeviceWriteBps', 'write_bps'],
        ['BlkioDeviceReadIOps', 'read_iops'],
        ['BlkioDeviceWriteIOps', 'write_iops'],
      ] as const
    ).map(([field, file]) => [
      field,
      {
        ask: host({ [field]: [{ Path: '/dev/loop0', Rate: 7777 }] }),
        script: cgroup(`blkio.throttle.${file}_device`),
        says: /^7:0 7777$/,
      },
    ]),
  ),
  CpuPeriod: { ask: host({ CpuPeriod: 50_000 }), script: cgroup('cpu.cfs_period_us'), says: /^50000$/m },
  CpuQuota: { ask: host({ CpuQuota: 20_000 }), script: cgroup('cpu.cfs_quota_us'), says: /^20000$/m },
  CpuRealtimePeriod: {
    ask: host({ CpuRealtimePeriod: 1000, CpuRealtimeRuntime: 2000 }),
    refused: /^cpu real-time runtime cannot be higher than|^kernel does not support CPU real-time scheduler$/,
  },
  CpuRealtimeRuntime: {
    ask: host({ CpuRealtimeRuntime: 2000, CpuRealtimePeriod: 1000 }),
    refused: /^cpu real-time runtime cannot be higher than|^kernel does not support CPU real-time scheduler$/,
  },
  CpusetCpus: { ask: host({ CpusetCpus: '0' }), script: cgroup('cpuset.cpus'), says: /^0$/ },
  CpusetMems: { ask: host({ CpusetMems: '0' }), script: cgroup('cpuset.mems'), says: /^0$/ },
  Devices: {
    ask: host({
      Devices: [{ PathOnHost: '/dev/zero', PathInContainer: '/dev/mine', CgroupPermissions: 'r' }],
    }),
    script: 'head -c 3 /dev/mine | wc -c',
    says: /^3$/,
  },
  DeviceCgroupRules: {
    ask: host({ DeviceCgroupRules: ['c 10:250 r'] }),
    script: 'mknod /n c 10 250; (cat /n; echo > /n) 2>&1',
    says: /No such device[^]*not permitted/,
  },
  DeviceRequests: {
    ask: host({ DeviceRequests: [{ Count: -1, Capabilities: [['gpu']] }] }),
    refused: /could not select device driver "" with capabilities: \[\[gpu\]\]/,
  },
  KernelMemory: {
    ask: host({ KernelMemory: 5, Memory: 64 << 20 }),
    version: 'v1.41',
    refused: /^Minimum kernel memory limit allowed is 6MB$/,
  },
  KernelMemoryTCP: {
    ask: host({ KernelMemoryTCP: 64 << 20 }),
    script: cgroup('memory.kmem.tcp.limit_in_bytes'),
    says: /^67108864$/,
    warned: KERNEL_LACKS,
  },
  MemoryReservation: {
    ask: host({ MemoryReservation: 32 << 20 }),
    script: cgroup('memory.soft_limit_in_bytes'),
    says: /^33554432$/,
  },
  MemorySwap: {
    ask: host({ Memory: 64 << 20, MemorySwap: 96 << 20 }),
    script: cgroup('memory.memsw.limit_in_bytes'),
    says: /^100663296$/,
    warned: KERNEL_LACKS,
  },
  MemorySwappiness: { ask: host({ MemorySwappiness: 7 }), script: cgroup('memory.swappiness'), says: /^7$/ },
  OomKillDisable: {
    ask: host({ Memory: 64 << 20, OomKillDisable: true }),
    script: cgroup('memory.oom_control'),
    says: /oom_kill_disable 1/,
  },
  PidsLimit: { ask: host({ PidsLimit: 33 }), script: cgroup('pids.max'), says: /^33$/ },
  Ulimits: {
    ask: host({ Ulimits: [{ Name: 'nofile', Soft: 55, Hard: 66 }] }),
    script: 'ulimit -n',
    says: /^55$/,
  },
  CpuCount: { ask: host({ CpuCount: 1 }), warned: /does not support CPU count/ },
  CpuPercent: { ask: host({ CpuPercent: 5 }), warned: /does not support CPU percent/ },
  IOMaximumIOps: {
    ask: host({ IOMaximumIOps: 1 }),
    refused: /maximum IOPs configuration is not supported on linux/,
  },
  IOMaximumBandwidth: {
    ask: host({ IOMaximumBandwidth: 1 }),
    refused: /bandwidth configuration is not supported on linux/,
  },
};

/** Of an endpoint's settings in NetworkingConfig: those that a client sets. The network is `fields`, 10.77.0.0/24 and fd77::/64. */
const ENDPOINT: Readonly<Record<string, FieldCase>> = {
  'IPAMConfig.IPv4Address': {
    ask: endpoint({ IPAMConfig: { IPv4Address: '10.77.0.77' } }),
    script: 'ip -4 addr show eth0',
    says: /10\.77\.0\.77\/24/,
  },
  'IPAMConfig.IPv6Address': {
    ask: endpoint({ IPAMConfig: { IPv6Address: 'fd77::77' } }),
    script: 'ip -6 addr show eth0',
    says: /fd77::77\/64/,
  },
  'IPAMConfig.LinkLocalIPs': {
    ask: endpoint({ IPAMConfig: { LinkLocalIPs: ['169.254.7.7'] } }),
    script: 'ip -4 addr show eth0',
    says: /169\.254\.7\.7/,
  },
  Links: { ask: endpoint({ Links: ['known:alias'] }), script: 'nslookup alias', says: /10\.77\.0\./ },
  Aliases: { ask: endpoint({ Aliases: ['myself'] }), script: 'nslookup myself', says: /10\.77\.0\./ },
  MacAddress: {
    ask: endpoint({ MacAddress: '02:42:0a:4d:00:99' }),
    script: 'cat /sys/class/net/eth0/address',
    says: /^02:42:0a:4d:00:99$/,
  },
  DriverOpts: {
    ask: endpoint({ DriverOpts: { 'com.docker.network.endpoint.ifname': 'lan7' } }),
    script: 'cat /sys/class/net/lan7/operstate',
    says: /^up$/,
  },
  GwPriority: { ask: endpoint({ GwPriority: 9 }), shows: /"GwPriority":9/ },
};

export const CREATE_FIELDS: Readonly<Record<string, Readonly<Record<string, FieldCase>>>> = {
  Config: CONFIG,
  HostConfig: { ...HOST_CONFIG, ...RESOURCES },
  NetworkingConfig: ENDPOINT,
};
