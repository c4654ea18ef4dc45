import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_EDITS } from '../../../daemon/core/cdi/contract.ts';
import type { Container, HostOptions } from '../../../daemon/core/contract.ts';
import { logConfigOf } from '../../../daemon/core/spec/log-config.ts';
import { makeSpec, type SpecFacts } from '../../../daemon/core/spec/make-spec.ts';
import { makeResources } from '../../../daemon/core/spec/resources.ts';
import { createSeccomp } from '../../../daemon/core/spec/seccomp.ts';
import { parseSecurityOptions } from '../../../daemon/core/spec/security.ts';
import { settleMounts } from '../../../daemon/core/volumes/mount-points.ts';
import { CAPABILITIES, DEFAULT_CAPABILITIES } from '../../../runtime/security/capabilities.ts';
import { exampleContainer, exampleRequest } from '../../lib/examples.ts';

const facts: SpecFacts = {
  user: { uid: 5, gid: 6, additionalGids: [6, 7], home: '/home/x' },
  granted: {
    devices: [{ type: 'c', path: '/dev/mine', major: 10, minor: 200 }],
    rules: [{ allow: true, type: 'c', major: 10, minor: 200, access: 'rw' }],
  },
  hostDevices: [],
  cgroupsPath: '/wherry/x',
  initFile: undefined,
  ownNetwork: true,
  cpus: 2,
  capabilities: CAPABILITIES.filter((name) => name !== 'CAP_SYS_RESOURCE'),
  noNewPrivileges: false,
  donors: { ipc: undefined, pid: undefined },
  blkioDevices: {},
  hasAppArmor: false,
  edits: NO_EDITS,
};

function container(host: Partial<HostOptions>, change: Partial<Container['config']> = {}): Container {
  const config = {
    ...exampleRequest(),
    imageConfig: {},
    ...change,
    host: { ...exampleRequest().host, ...host },
  };
  const elsewhere = {
    container: exampleContainer,
    driverOf: () => undefined,
    localPath: () => '/volume',
    imageId: () => '',
  };
  const { mounts } = settleMounts(config, elsewhere);
  return { ...exampleContainer(), config, mounts };
}
const destinations = (spec: { mounts: { destination: string }[] }): string[] =>
  spec.mounts.map(({ destination }) => destination);
const bind = {
  source: '/host',
  destination: '/x/y/z',
  readOnly: true,
  propagation: 'rslave',
  mode: '',
  createSource: true,
};

test('the process: program, environment, user, limits', () => {
  const { process, hostname } = makeSpec(
    container(
      { ulimits: [{ name: 'nofile', soft: 1, hard: 2 }], oomScoreAdj: 7 },
      { tty: true, env: ['A=1', 'PATH'] },
    ),
    facts,
  );
  assert.deepEqual(process.args, ['sh', '-c', 'echo hello']);
  assert.deepEqual(process.env, ['HOSTNAME=web', 'TERM=xterm', 'A=1', 'HOME=/home/x']);
  assert.deepEqual(process.user, { uid: 5, gid: 6, additionalGids: [6, 7] });
  assert.deepEqual(process.rlimits, [{ type: 'RLIMIT_NOFILE', soft: 1, hard: 2 }]);
  assert.deepEqual([process.cwd, process.terminal, process.oomScoreAdj, hostname], ['/', true, 7, 'web']);
  assert.deepEqual(process.capabilities?.bounding, DEFAULT_CAPABILITIES);
});

test("mounts: the user's replace the defaults, shallow ones come first, a read-only root makes defaults read-only", () => {
  const spec = makeSpec(
    container({
      binds: [bind, { ...bind, destination: '/etc/hosts', readOnly: false, propagation: 'rprivate' }],
      tmpfs: { '/x': 'size=1m,exec', '/sys': '' },
      readonlyRootfs: true,
    }),
    facts,
  );
  const list = destinations(spec);
  assert.deepEqual(
    list.slice(-6),
    ['/x', '/sys', '/etc/hosts', '/etc/resolv.conf', '/etc/hostname', '/x/y/z'].toSorted(byDepth),
  );
  assert.equal(list.filter((path) => path === '/sys').length, 1);
  assert.equal(list.filter((path) => path === '/etc/hosts').length, 1);
  assert.deepEqual(spec.mounts.find(({ destination }) => destination === '/x/y/z')?.options, [
    'rbind',
    'rro',
    'rslave',
  ]);
  assert.deepEqual(spec.mounts.find(({ destination }) => destination === '/x')?.options?.slice(-2), [
    'size=1m',
    'exec',
  ]);
  assert.ok(spec.mounts.find(({ destination }) => destination === '/sys/fs/cgroup')?.options?.includes('ro'));
  assert.ok(!spec.mounts.find(({ destination }) => destination === '/dev')?.options?.includes('ro'));
  assert.equal(spec.root.readonly, true);
  assert.equal(spec.linux.rootfsPropagation, 'rslave');
});

const byDepth = (a: string, b: string): number => a.split('/').length - b.split('/').length;

test('an own /dev takes everything below it along', () => {
  const spec = makeSpec(container({ binds: [{ ...bind, destination: '/dev' }] }), facts);
  assert.deepEqual(
    destinations(spec).filter((path) => path.startsWith('/dev')),
    ['/dev'],
  );
});

test('devices: granted by rule, all for a privileged container, which gets what the daemon has', () => {
  const plain = makeSpec(container({}), facts).linux;
  assert.ok(plain.devices?.some(({ path }) => path === '/dev/mine'));
  assert.deepEqual(plain.resources?.devices?.at(-1), facts.granted.rules[0]);
  const spec = makeSpec(container({ privileged: true }), facts);
  assert.deepEqual(spec.linux.resources?.devices, [{ allow: true, access: 'rwm' }]);
  assert.deepEqual(spec.process.capabilities?.effective, facts.capabilities);
  assert.deepEqual([spec.linux.maskedPaths, spec.linux.readonlyPaths], [[], []]);
});

test("the host's network brings no sysctls and no namespace", () => {
  const own = makeSpec(container({ sysctls: { 'net.ipv4.ip_forward': '1' } }), facts).linux;
  assert.equal(own.sysctl?.['net.ipv4.ip_unprivileged_port_start'], '0');
  assert.equal(own.sysctl?.['net.ipv4.ip_forward'], '1');
  const host = makeSpec(container({}), { ...facts, ownNetwork: false }).linux;
  assert.deepEqual(host.sysctl, {});
  assert.ok(!host.namespaces.some(({ type }) => type === 'network'));
});

const { resources } = exampleRequest().host;

for (const [given, made] of [
  [{ memoryBytes: 100 }, { memory: { limit: 100, swap: 200 } }],
  [{ memoryBytes: 100, memorySwapBytes: -1 }, { memory: { limit: 100, swap: -1 } }],
  [{ nanoCpus: 1_500_000_000 }, { cpu: { period: 100_000, quota: 150_000 } }],
  [{ cpuShares: 1 }, { cpu: { shares: 2 } }],
  [{ cpusetCpus: '0-1', cpusetMems: '0' }, { cpu: { cpus: '0-1', mems: '0' } }],
  [{ pidsLimit: 9 }, { pids: { limit: 9 } }],
  [{ blkioWeight: 500 }, { blockIO: { weight: 500 } }],
] as const) {
  test(`limits ${JSON.stringify(given)}`, () => {
    assert.deepEqual(makeResources({ ...resources, ...given }, []), {
      devices: [],
      memory: {},
      cpu: {},
      ...made,
    });
  });
}

test('security options', () => {
  const all = [
    'no-new-privileges',
    'seccomp=unconfined',
    'apparmor=unconfined',
    'label=disable',
    'writable-cgroups=0',
  ];
  assert.deepEqual(parseSecurityOptions(all, false), {
    noNewPrivileges: true,
    seccomp: 'unconfined',
    appArmor: 'unconfined',
    labels: ['disable'],
    writableCgroups: false,
  });
  assert.equal(parseSecurityOptions(['no-new-privileges:false'], true).noNewPrivileges, false);
  assert.throws(() => parseSecurityOptions(['nonsense'], false), {
    message: 'invalid --security-opt 1: "nonsense"',
  });
  for (const option of ['a=b', 'systempaths=unconfined', 'no-new-privileges=maybe', 'writable-cgroups=']) {
    assert.throws(() => parseSecurityOptions(['label:disable', option], false), {
      message: `invalid --security-opt 2: "${option}"`,
    });
  }
});

test("seccomp: each profile is compiled once; privileged has none; a profile of docker's format is taken", () => {
  const seccompFor = createSeccomp(undefined);
  const host = exampleRequest().host;
  const first = seccompFor(host);
  assert.ok(first !== undefined && first === seccompFor({ ...host }));
  assert.notEqual(seccompFor({ ...host, capAdd: ['SYS_ADMIN'] }), first);
  assert.equal(seccompFor({ ...host, privileged: true }), undefined);
  assert.equal(seccompFor({ ...host, securityOpt: ['seccomp=unconfined'] }), undefined);
  const profile = {
    defaultAction: 'SCMP_ACT_ALLOW',
    archMap: [{ architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86'] }],
    syscalls: [
      { names: ['mkdir'], action: 'SCMP_ACT_ERRNO', excludes: { caps: ['CAP_SYS_ADMIN'] } },
      { names: ['rmdir'], action: 'SCMP_ACT_ERRNO', includes: { minKernel: '99.0' } },
    ],
  };
  const own = seccompFor({ ...host, securityOpt: [`seccomp=${JSON.stringify(profile)}`] });
  const without = seccompFor({
    ...host,
    capAdd: ['SYS_ADMIN'],
    securityOpt: [`seccomp=${JSON.stringify(profile)}`],
  });
  assert.ok((own?.program.byteLength ?? 0) > (without?.program.byteLength ?? 0));
  assert.throws(() => seccompFor({ ...host, securityOpt: ['seccomp={'] }), {
    message: /Decoding seccomp profile failed/,
  });
});

test('log options', () => {
  const config = (logOptions: Record<string, string>, more: Partial<Container['config']> = {}) =>
    logConfigOf({ ...container({ logOptions }, more), logFile: '/l' });
  assert.deepEqual(config({}), { path: '/l', maxBytes: 20_000_000, maxFiles: 5, attrs: undefined });
  assert.equal(config({ 'max-size': '10k' })?.maxBytes, 10_000);
  assert.equal(config({ 'max-size': '-1', 'max-file': '2' })?.maxBytes, 0);
  assert.deepEqual(
    config({ labels: 'tier,none', env: 'A', 'env-regex': '^B' }, { env: ['A=1', 'B1=2', 'C=3'] })?.attrs,
    { tier: 'front', A: '1', B1: '2' },
  );
  for (const [options, message] of [
    [{ 'max-file': '0' }, 'max-file cannot be less than 1'],
    [{ nonsense: '1' }, "unknown log opt 'nonsense' for json-file log driver"],
    [{ 'max-size': 'x' }, 'invalid value for max-size: x'],
  ] as const) {
    assert.throws(() => config(options), { message });
  }
  assert.equal(logConfigOf({ ...container({ logDriver: 'none' }), logFile: '' }), undefined);
});
