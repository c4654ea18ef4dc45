import { readlinkSync } from 'node:fs';
import { ENDPOINT } from './endpoint-fields.ts';
import { KERNEL_LACKS, limited, LIMITS, same, type LimitCase } from './limit-fields.ts';

/** What a container that is created with a field has to show, or why it is refused. */
export interface FieldCase extends LimitCase {
  /** Kept for clients: inspect's JSON has it. Of a running container with `runs`. */
  readonly shows?: RegExp;
  readonly runs?: boolean;
}

const host = (HostConfig: object): object => ({ HostConfig });
const endpoint = (settings: object): object => ({
  HostConfig: { NetworkMode: 'fields' },
  NetworkingConfig: { EndpointsConfig: { fields: settings } },
});
/** What is asked for by itself, as a part of the body. */
const within = (
  part: (asked: object) => object,
  cases: Readonly<Record<string, FieldCase>>,
): Record<string, FieldCase> =>
  Object.fromEntries(
    Object.entries(cases).map(([field, asked]) => [field, { ...asked, ask: part(asked.ask) }]),
  );
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

/** The rest of it: docker's Resources, with the limits that an update takes, too. */
const RESOURCE_FIELDS: Readonly<Record<string, FieldCase>> = {
  CgroupParent: { ask: host({ CgroupParent: 'a/../../b' }), shows: /"CgroupParent":"a\/..\/..\/b"/ },
  BlkioWeightDevice: {
    ask: host({ BlkioWeightDevice: [{ Path: '/dev/loop0', Weight: 100 }] }),
    script: 'cat /sys/fs/cgroup/*/blkio*.weight_device /sys/fs/cgroup/io.bfq.weight 2>/dev/null',
    says: /^7:0 100$/m,
    warned: KERNEL_LACKS,
    // The device has another scheduler.
    refused: /\.weight/,
  },
  ...Object.fromEntries(
    (
      [
        ['BlkioDeviceReadBps', 'read_bps', 'rbps'],
        ['BlkioDeviceWriteBps', 'write_bps', 'wbps'],
        ['BlkioDeviceReadIOps', 'read_iops', 'riops'],
        ['BlkioDeviceWriteIOps', 'write_iops', 'wiops'],
      ] as const
    ).map(([field, file, key]) => [
      field,
      {
        ask: host({ [field]: [{ Path: '/dev/loop0', Rate: 7777 }] }),
        ...limited(
          [`blkio.throttle.${file}_device`, /^7:0 7777$/],
          ['io.max', new RegExp(`^7:0 .*\\b${key}=7777\\b`)],
        ),
      },
    ]),
  ),
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
  KernelMemoryTCP: {
    ask: host({ KernelMemoryTCP: 64 << 20 }),
    ...same('memory.kmem.tcp.limit_in_bytes', /^67108864$/),
    warned: KERNEL_LACKS,
  },
  MemorySwappiness: {
    ask: host({ MemorySwappiness: 7 }),
    ...same('memory.swappiness', /^7$/),
    warned: KERNEL_LACKS,
  },
  OomKillDisable: {
    ask: host({ Memory: 64 << 20, OomKillDisable: true }),
    ...same('memory.oom_control', /oom_kill_disable 1/),
    warned: KERNEL_LACKS,
  },
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
  ...within(host, LIMITS),
};

export const CREATE_FIELDS: Readonly<Record<string, Readonly<Record<string, FieldCase>>>> = {
  Config: CONFIG,
  HostConfig: { ...HOST_CONFIG, ...RESOURCE_FIELDS },
  NetworkingConfig: within(endpoint, ENDPOINT),
};
