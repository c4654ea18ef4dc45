/** Configurations for `validate.test.ts`; their bundle has a directory `rootfs` and a file `file`. */
type Json = Record<string, unknown>;

export const config = (change: Json = {}): Json => ({
  ociVersion: '1.2.0',
  process: { user: { uid: 0, gid: 0 }, args: ['sh'], cwd: '/' },
  root: { path: 'rootfs' },
  linux: { namespaces: [{ type: 'mount' }, { type: 'pid' }] },
  ...change,
});
export const processWith = (change: Json): Json => config({ process: { args: ['sh'], cwd: '/', ...change } });
export const linux = (change: Json): Json =>
  config({ linux: { namespaces: [{ type: 'mount' }], ...change } });
export const namespaces = (...types: string[]): Json[] => types.map((type) => ({ type }));

/** [what, configuration, how the message begins]. */
export const REFUSED: readonly (readonly [string, unknown, string])[] = [
  ['null', null, 'config cannot be null'],
  ['no object', [], ': an array is not an object'],
  ['no process', config({ process: undefined }), 'process property must not be empty (process)'],
  ['no root', config({ root: null }), 'root must be specified (root)'],
  ['no version', config({ ociVersion: undefined }), 'ociVersion: is required'],
  ['another version', config({ ociVersion: '2.0.0' }), 'ociVersion: version 2.0.0 of the specification'],
  ['no version number', config({ ociVersion: '1.0' }), 'ociVersion: "1.0" is not a version'],
  ['a root that is not there', config({ root: { path: 'none' } }), 'invalid rootfs: '],
  ['a root that is a file', config({ root: { path: 'file' } }), 'invalid rootfs: '],
  ['no cwd', processWith({ cwd: '' }), 'Cwd property must not be empty'],
  ['a relative cwd', processWith({ cwd: 'tmp' }), 'Cwd must be an absolute path'],
  ['no arguments', processWith({ args: [] }), 'args must not be empty'],
  ['arguments of numbers', processWith({ args: ['a', 1] }), 'process.args[1]: 1 is not a string'],
  ['a null byte', processWith({ args: ['a\0b'] }), 'process.args[0]: contains a null byte'],
  [
    'uid -1',
    processWith({ user: { uid: 0xffff_ffff, gid: 0 } }),
    'process.user.uid: 4294967295 is not an integer',
  ],
  [
    'uid 2^32',
    processWith({ user: { uid: 2 ** 32, gid: 0 } }),
    'process.user.uid: 4294967296 is not an integer',
  ],
  [
    'group -1',
    processWith({ user: { uid: 1, gid: 1, additionalGids: [-1] } }),
    'process.user.additionalGids[0]: -1',
  ],
  ['a broken uid', processWith({ user: { uid: 1.5 } }), 'process.user.uid: 1.5 is not an integer'],
  ['a variable without =', processWith({ env: ['A'] }), "invalid environment variable: missing '='"],
  [
    'a variable without name',
    processWith({ env: ['=A'] }),
    'invalid environment variable: name cannot be empty',
  ],
  [
    'an unknown rlimit',
    processWith({ rlimits: [{ type: 'RLIMIT_X', soft: 1, hard: 1 }] }),
    'wrong rlimit value: RLIMIT_X',
  ],
  [
    'an rlimit twice',
    processWith({ rlimits: [1, 2].map((hard) => ({ type: 'RLIMIT_CPU', soft: 1, hard })) }),
    'process.rlimits: RLIMIT_CPU is there twice',
  ],
  [
    'a soft limit above the hard one',
    processWith({ rlimits: [{ type: 'RLIMIT_CPU', soft: 2, hard: 1 }] }),
    'process.rlimits: the soft limit 2 of RLIMIT_CPU is above the hard one 1',
  ],
  [
    'an oom score',
    processWith({ oomScoreAdj: 1001 }),
    'process.oomScoreAdj: 1001 is not an integer from -1000',
  ],
  ['no policy', processWith({ scheduler: {} }), 'process.scheduler.policy: is required'],
  [
    'a policy',
    processWith({ scheduler: { policy: 'SCHED_X' } }),
    'process.scheduler.policy: "SCHED_X" is not one of',
  ],
  [
    'a nice value',
    processWith({ scheduler: { policy: 'SCHED_OTHER', nice: 20 } }),
    'invalid scheduler.nice: 20 when scheduler.policy is SCHED_OTHER',
  ],
  [
    'a priority',
    processWith({ scheduler: { policy: 'SCHED_BATCH', priority: 1 } }),
    'scheduler.priority can only be specified for SchedFIFO or SchedRR policy',
  ],
  [
    'a deadline',
    processWith({ scheduler: { policy: 'SCHED_FIFO', priority: 1, deadline: 1 } }),
    'scheduler runtime/deadline/period can only be specified for SchedDeadline policy',
  ],
  ['an io class', processWith({ ioPriority: { class: 'X' } }), 'invalid ioPriority.Class: "X"'],
  [
    'an io priority',
    processWith({ ioPriority: { class: 'IOPRIO_CLASS_BE', priority: 8 } }),
    'invalid ioPriority.Priority: 8',
  ],
  ['an affinity', processWith({ execCPUAffinity: { initial: '3-1' } }), 'bad CPU affinity "3-1"'],
  ['a hostname', config({ hostname: 'a' }), 'unable to set hostname without a private UTS namespace'],
  ['a domainname', config({ domainname: 'a' }), 'unable to set domainname without a private UTS namespace'],
  [
    'masked paths',
    config({ linux: { namespaces: [], maskedPaths: ['/proc/kcore'] } }),
    'unable to restrict sys entries without a private MNT namespace',
  ],
  [
    'an unknown namespace',
    linux({ namespaces: namespaces('mount', 'pid', 'foo') }),
    'linux.namespaces[2].type: "foo" is not one of pid, network,',
  ],
  [
    'a namespace twice',
    linux({ namespaces: namespaces('mount', 'mount') }),
    'malformed spec file: duplicated ns "mount"',
  ],
  [
    'a relative namespace',
    linux({ namespaces: [{ type: 'pid', path: 'x' }] }),
    'linux.namespaces[0].path: "x" is not an absolute path',
  ],
  [
    'mappings of one kind alone',
    linux({
      namespaces: namespaces('mount', 'user'),
      uidMappings: [{ containerID: 0, hostID: 0, size: 1 }],
    }),
    'user namespaces enabled, but no gid mappings found',
  ],
  [
    'mappings without a namespace',
    linux({ uidMappings: [{ containerID: 0, hostID: 0, size: 1 }] }),
    "user namespace mappings specified, but user namespace isn't enabled in the config",
  ],
  [
    'mappings that are not those of the namespace',
    linux({
      namespaces: [{ type: 'user', path: `/proc/${process.pid}/ns/user` }],
      uidMappings: [{ containerID: 0, hostID: 77, size: 3 }],
      gidMappings: [{ containerID: 0, hostID: 77, size: 3 }],
    }),
    'user namespaces enabled, but both namespace path and non-matching mapping specified',
  ],
  [
    'time offsets without a namespace',
    linux({ timeOffsets: { boottime: { secs: 1 } } }),
    "time namespace offsets specified, but time namespace isn't enabled in the config",
  ],
  [
    'time offsets of a joined namespace',
    linux({ namespaces: [{ type: 'time', path: '/proc/self/ns/time' }], timeOffsets: {} }),
    'time namespace enabled, but both namespace path and time offsets specified',
  ],
  [
    'an unknown clock',
    linux({ namespaces: namespaces('time'), timeOffsets: { realtime: {} } }),
    'linux.timeOffsets: "realtime" is not one of boottime, monotonic',
  ],
  [
    'a network device without a namespace',
    linux({ netDevices: { eth0: {} } }),
    'unable to move network devices without a NET namespace',
  ],
  [
    "a network device's name",
    linux({ namespaces: namespaces('network'), netDevices: { eth0: { name: 'a/b' } } }),
    'invalid network device name "a/b"',
  ],
  [
    "a sysctl of the host's network",
    linux({ sysctl: { 'net.ipv4.ip_forward': '1' } }),
    'sysctl "net.ipv4.ip_forward" not allowed in host network namespace',
  ],
  [
    "a sysctl of a joined network that is the host's",
    linux({
      namespaces: [{ type: 'network', path: '/proc/self/ns/net' }],
      sysctl: { 'net.core.somaxconn': '1' },
    }),
    'sysctl "net.core.somaxconn" not allowed in host network namespace',
  ],
  [
    'a sysctl of the host',
    linux({ sysctl: { 'kernel.panic': '1' } }),
    'sysctl "kernel.panic" is not in a separate',
  ],
  ['a domain', linux({ personality: { domain: 'X' } }), 'invalid personality domain "X"'],
  ['a propagation', linux({ rootfsPropagation: 'x' }), 'rootfsPropagation=x is not supported'],
  [
    'a memory policy',
    linux({ memoryPolicy: { mode: 'MPOL_X' } }),
    'invalid memory policy mode: "MPOL_X" (linux.memoryPolicy.mode)',
  ],
  ['a device', linux({ devices: [{ type: 'x', path: '/dev/x' }] }), 'invalid device type "x"'],
  ['a device without path', linux({ devices: [{ type: 'c' }] }), 'linux.devices[0].path: is required'],
  [
    'a device rule without access',
    linux({ resources: { devices: [{ allow: true }] } }),
    'device access at 0 field cannot be empty',
  ],
  [
    'a device rule',
    linux({ resources: { devices: [{ allow: true, type: 'p', access: 'r' }] } }),
    'invalid cgroup device type "p"',
  ],
  [
    'swap below memory',
    linux({ resources: { memory: { limit: 2, swap: 1 } } }),
    'memory+swap limit should be >= memory limit',
  ],
  [
    "a huge page's size that is a path",
    linux({ resources: { hugepageLimits: [{ pageSize: '2MB/../..', limit: 1 }] } }),
    'linux.resources.hugepageLimits[0].pageSize: "2MB/../.." is not a size like 2MB',
  ],
  [
    'a seccomp action',
    linux({ seccomp: { defaultAction: 'X' } }),
    'linux.seccomp.defaultAction: "X" is not one of SCMP_ACT_ALLOW',
  ],
  [
    'a seccomp flag',
    linux({ seccomp: { defaultAction: 'SCMP_ACT_ALLOW', flags: ['X'] } }),
    'linux.seccomp.flags[0]: "X" is not one of',
  ],
  [
    'notifications of everything',
    linux({ seccomp: { defaultAction: 'SCMP_ACT_NOTIFY', listenerPath: '/s' } }),
    'SCMP_ACT_NOTIFY cannot be used as default action',
  ],
  [
    'notifications to nobody',
    linux({
      seccomp: { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ names: ['a'], action: 'SCMP_ACT_NOTIFY' }] },
    }),
    'linux.seccomp.listenerPath: is required with SCMP_ACT_NOTIFY',
  ],
  [
    'an errno of what has none',
    linux({
      seccomp: {
        defaultAction: 'SCMP_ACT_ALLOW',
        syscalls: [{ names: ['a'], action: 'SCMP_ACT_LOG', errnoRet: 1 }],
      },
    }),
    'linux.seccomp.syscalls[0].errnoRet: SCMP_ACT_LOG has no errno',
  ],
  [
    'a relative hook',
    config({ hooks: { prestart: [{ path: 'x' }] } }),
    'hooks.prestart[0].path: "x" is not an absolute',
  ],
  [
    "a hook's timeout",
    config({ hooks: { poststop: [{ path: '/x', timeout: 0 }] } }),
    'hooks.poststop[0].timeout: 0 is not an integer from 1',
  ],
  [
    'a mount without destination',
    config({ mounts: [{ type: 'proc' }] }),
    'mounts[0].destination: is required',
  ],
  [
    "a bind mount with a file system's options",
    config({ mounts: [{ destination: '/a', source: '/a', options: ['bind', 'size=1m'] }] }),
    'invalid mount "/a": bind mounts cannot have any filesystem-specific options applied (mounts[0])',
  ],
  [
    'an idmapped mount that is no bind',
    config({
      mounts: [
        {
          destination: '/a',
          type: 'tmpfs',
          uidMappings: [{ containerID: 0, hostID: 1, size: 1 }],
          gidMappings: [{ containerID: 0, hostID: 1, size: 1 }],
        },
      ],
    }),
    'invalid mount "/a": id-mapped mounts are only supported for bind-mounts',
  ],
  [
    'an idmapped mount with half its mappings',
    config({
      mounts: [
        {
          destination: '/a',
          source: '/',
          options: ['bind'],
          uidMappings: [{ containerID: 0, hostID: 1, size: 1 }],
        },
      ],
    }),
    'invalid mount "/a": id-mapped mounts must have both uid and gid mappings specified',
  ],
  [
    'an idmapped mount without any',
    config({ mounts: [{ destination: '/a', source: '/', options: ['bind', 'idmap'] }] }),
    'invalid mount "/a": id-mapped mounts must have both uid and gid mappings specified',
  ],
];
