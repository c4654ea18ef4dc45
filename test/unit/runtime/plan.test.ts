import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { describe, test } from 'node:test';
import { deviceRule } from '../../../runtime/cgroup/devices.ts';
import { parseCgroupLayout } from '../../../runtime/cgroup/layout.ts';
import { placeWrites } from '../../../runtime/cgroup/writes.ts';
import { buildLaunchPlan } from '../../../runtime/launch.ts';
import { PlanBuilder } from '../../../runtime/plan/builder.ts';
import { encodePlan } from '../../../runtime/plan/encode.ts';
import { explainFailure } from '../../../runtime/plan/explain.ts';
import { formatPlan } from '../../../runtime/plan/format.ts';
import type { Plan } from '../../../runtime/plan/types.ts';
import { parseMountOptions } from '../../../runtime/rootfs/options.ts';
import { chooseCapabilities, DEFAULT_CAPABILITIES } from '../../../runtime/security/capabilities.ts';
import type { Spec } from '../../../runtime/spec.ts';
import { dockerSpec, pureRequest } from './container.ts';

const planOf = (change: (spec: Spec) => void = () => {}): Plan => {
  const spec = dockerSpec('true', change);
  spec.linux.cgroupsPath ??= '/wherry/abc';
  return buildLaunchPlan(pureRequest(spec));
};
const labelsOf = (plan: Plan): string[] => plan.steps.map(({ label }) => label);
const indexOf = (plan: Plan, pattern: RegExp): number => {
  const index = labelsOf(plan).findIndex((label) => pattern.test(label));
  assert.notEqual(index, -1, `no step ${pattern}`);
  return index;
};

describe('the order of a launch plan', () => {
  const plan = planOf((spec) => {
    spec.hostname = 'h';
    spec.linux.sysctl = { 'net.ipv4.ip_forward': '1' };
    spec.root.readonly = true;
  });
  const order: readonly RegExp[] = [
    /^make cgroup/,
    /^deny device/,
    /^fork/,
    /^join cgroup/,
    /^make namespaces: .*cgroup/,
    /^keep mounts from the host/,
    /^mount the root at/,
    /^mount "proc" \(proc\) at "\/proc"/,
    /^make device "\/dev\/null"/,
    /^set sysctl/,
    /^mask "\/proc\/keys"/,
    /^make "\/proc\/sys" read-only/,
    /^make the root read-only/,
    /^make it the root/,
    /^set hostname/,
    /^set the umask/,
    /^close on exec/,
    /^drop CAP_SYS_ADMIN/,
    /^become user/,
    /^set capabilities/,
    /^exec /,
    /^end$/,
  ];
  for (const [index, pattern] of order.entries()) {
    if (index === 0) continue;
    const before = order[index - 1] ?? /^$/;
    test(`${before.source} comes before ${pattern.source}`, () => {
      assert.ok(indexOf(plan, before) < indexOf(plan, pattern));
    });
  }

  test('a path of the container is never opened but from a descriptor of its root', () => {
    const afterRoot = plan.steps.slice(
      indexOf(plan, /^mount the root at/) + 1,
      indexOf(plan, /^make it the root/),
    );
    const AT_FDCWD = BigInt(-100);
    const byPath = afterRoot.filter(
      (step) =>
        step.op === 'syscall' && step.args[0]?.kind === 'immediate' && step.args[0].value === AT_FDCWD,
    );
    const text = formatPlan({ ...plan, steps: byPath });
    for (const line of text.trim().split('\n'))
      assert.match(line, /"\/dev\/null"|"\/sys\/fs\/cgroup\/|the host's device "/);
  });
});

describe('a specification that must not be is refused', () => {
  for (const [name, change, message] of [
    ['a relative cgroup', (spec: Spec) => (spec.linux.cgroupsPath = 'a/b'), /invalid cgroupsPath/],
    ['a cgroup above', (spec: Spec) => (spec.linux.cgroupsPath = '/a/../b'), /invalid cgroupsPath/],
    [
      'a sysctl of the host',
      (spec: Spec) => (spec.linux.sysctl = { 'kernel.panic': '1' }),
      /not in a separate kernel namespace/,
    ],
    [
      'a sysctl by a detour',
      (spec: Spec) => (spec.linux.sysctl = { 'net/../kernel/panic': '1' }),
      /not in a separate kernel namespace/,
    ],
    ['no program', (spec: Spec) => (spec.process.args = []), /no command specified/],
    ['a relative directory', (spec: Spec) => (spec.process.cwd = 'x'), /cwd must be an absolute path/],
    ['a user namespace', (spec: Spec) => spec.linux.namespaces.push({ type: 'user' }), /user namespace/],
    [
      'an unknown limit',
      (spec: Spec) => (spec.process.rlimits = [{ type: 'RLIMIT_X', soft: 1, hard: 1 }]),
      /RLIMIT_X/,
    ],
    [
      'a mount on the root',
      (spec: Spec) => spec.mounts.push({ destination: '/', type: 'tmpfs' }),
      /invalid mount destination/,
    ],
    [
      'a relative source',
      (spec: Spec) => spec.mounts.push({ destination: '/x', type: 'bind', source: 'y' }),
      /must be absolute/,
    ],
    ['a NUL', (spec: Spec) => spec.process.args.push('a\0b'), /NUL/],
  ] as const) {
    test(name, () => {
      assert.throws(() => planOf((spec) => void change(spec)), message);
    });
  }
});

describe('limits become files', () => {
  const layout = pureRequest(dockerSpec('true')).cgroups;
  const files = (resources: Parameters<typeof placeWrites>[0]['resources']): string[] =>
    placeWrites({ layout, resources }, true).flatMap(({ writes }) =>
      writes.map(({ file, text }) => `${file}=${text}`),
    );
  for (const [name, resources, expected] of [
    [
      'memory before memory and swap',
      { memory: { swap: 200, limit: 100 } },
      ['memory.limit_in_bytes=100', 'memory.memsw.limit_in_bytes=200'],
    ],
    [
      'unlimited swap',
      { memory: { limit: 1, swap: -1 } },
      ['memory.limit_in_bytes=1', 'memory.memsw.limit_in_bytes=-1'],
    ],
    ['no swappiness is not zero', { memory: { swappiness: 0 } }, ['memory.swappiness=0']],
    [
      'the period before the quota',
      { cpu: { quota: 5, period: 10 } },
      ['cpu.cfs_period_us=10', 'cpu.cfs_quota_us=5'],
    ],
    ['an unlimited quota', { cpu: { quota: -1 } }, ['cpu.cfs_quota_us=-1']],
    ['processes', { pids: { limit: 5 } }, ['pids.max=5']],
    ['unlimited processes', { pids: { limit: -1 } }, ['pids.max=max']],
    [
      'a rate of a device',
      { blockIO: { throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 9 }] } },
      ['blkio.throttle.read_bps_device=8:0 9'],
    ],
    ['nothing', {}, []],
  ] as const) {
    test(name, () => assert.deepEqual(files(resources as never), expected));
  }

  test('device rules in the words of the kernel', () => {
    assert.equal(deviceRule({ allow: false, access: 'rwm' }), 'a *:* rwm');
    assert.equal(deviceRule({ allow: true, type: 'c', major: 136, access: 'rw' }), 'c 136:* rw');
    assert.equal(deviceRule({ allow: true, type: 'b', major: 8, minor: 0 }), 'b 8:0 rwm');
  });

  test('a limit whose controller is missing is named', () => {
    const spec = dockerSpec('true');
    spec.linux.cgroupsPath = '/a';
    spec.linux.resources = { pids: { limit: 1 } };
    const request = { ...pureRequest(spec), cgroups: { hierarchies: [], unified: undefined } };
    assert.throws(() => buildLaunchPlan(request), /controller "pids" is not mounted/);
  });
});

test('cgroup hierarchies are found in mountinfo, each once', () => {
  const lines = [
    '31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755',
    '32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid - cgroup cgroup rw,cpu,cpuacct',
    '33 31 0:29 / /mnt/again rw - cgroup cgroup rw,cpu,cpuacct',
    '34 31 0:30 /docker/1 /elsewhere rw - cgroup cgroup rw,memory',
    '35 31 0:30 / /sys/fs/cgroup/me\\040mory rw shared:9 - cgroup cgroup rw,memory',
    '40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd',
    '41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw',
  ];
  assert.deepEqual(parseCgroupLayout(lines.join('\n')), {
    hierarchies: [
      { mountPoint: '/sys/fs/cgroup/cpu,cpuacct', controllers: ['cpu', 'cpuacct'] },
      { mountPoint: '/sys/fs/cgroup/me mory', controllers: ['memory'] },
      { mountPoint: '/sys/fs/cgroup/systemd', controllers: ['name=systemd'] },
    ],
    unified: '/sys/fs/cgroup/unified',
  });
});

describe('mount options', () => {
  for (const [options, expected] of [
    [['ro', 'nosuid'], { set: 3, clear: 0 }],
    [['ro', 'rw'], { set: 0, clear: 1 }],
    [['noatime', 'strictatime'], { set: 0x20, clear: 0x70 }],
    [
      ['rbind', 'rro', 'rslave'],
      { bind: 'tree', setAll: 1, propagation: [{ bits: 1 << 19, recursive: true }] },
    ],
    [['size=64m', 'mode=755', 'newinstance'], { data: ['size=64m', 'mode=755', 'newinstance'] }],
  ] as const) {
    test(options.join(','), () => {
      const parsed = parseMountOptions(options);
      for (const [key, value] of Object.entries(expected))
        assert.deepEqual(parsed[key as keyof typeof parsed], value, key);
    });
  }
});

describe('capabilities', () => {
  const choose = (add: string[], drop: string[]): string[] =>
    chooseCapabilities({ add, drop, privileged: false });
  test('default, added, dropped', () => {
    assert.deepEqual(choose([], []), DEFAULT_CAPABILITIES);
    assert.equal(choose(['net_admin', 'CAP_CHOWN'], []).length, 15);
    assert.ok(!choose([], ['MKNOD']).includes('CAP_MKNOD'));
    assert.deepEqual(choose(['KILL'], ['ALL']), ['CAP_KILL']);
    assert.ok(!choose(['ALL'], ['SYS_ADMIN']).includes('CAP_SYS_ADMIN'));
    assert.equal(chooseCapabilities({ add: [], drop: ['ALL'], privileged: true }).length, 41);
    assert.throws(() => choose(['FLY'], []), {
      code: 'invalid-argument',
      message: /invalid capability: "FLY"/,
    });
  });
});

/** sizeof(struct plan_header) */
const HEADER = 40;

describe('the wire form', () => {
  test('of a step', () => {
    const plan = new PlanBuilder();
    const fd = plan.call('open', 'openat', [-100, '/x', 0], { save: true, ignore: ['ENOENT', 'EACCES'] });
    plan.close(fd);
    plan.end();
    const bytes = encodePlan(plan.build());
    assert.equal(bytes.readUInt32LE(0), 0x4e4c5057);
    assert.equal(bytes.readUInt32LE(8), bytes.byteLength);
    assert.equal(bytes.readUInt32LE(12), 3);
    assert.equal(bytes.readBigUInt64LE(HEADER + 8), (1n << 2n) | (1n << 13n));
    assert.deepEqual([...bytes.subarray(HEADER + 24, HEADER + 27)], [0, 1, 0]);
    assert.equal(bytes.readBigInt64LE(HEADER + 32), -100n);
    assert.equal(bytes.at(-1), 0, 'the last string ends');
  });

  test('of an environment that is too large is refused, not truncated', () => {
    const plan = planOf((spec) => spec.process.env?.push(`BIG=${'x'.repeat(17 << 20)}`));
    assert.throws(() => encodePlan(plan), { code: 'invalid-argument', message: /at most/ });
  });

  test('of an overlay path that the kernel would cut is refused', () => {
    const request = pureRequest(dockerSpec('true'));
    const rootfs = {
      kind: 'overlay',
      lower: [`/${'x'.repeat(255)}`],
      upper: '/u',
      work: '/w',
      volatile: false,
    } as const;
    assert.throws(() => buildLaunchPlan({ ...request, rootfs }), {
      code: 'invalid-argument',
      message: /255 bytes/,
    });
  });

  test('has room for hundreds of mounts', () => {
    const plan = planOf((spec) => {
      for (let n = 0; n < 300; n += 1) {
        spec.mounts.push({
          destination: `/m/${n}/x`,
          type: 'bind',
          source: '/etc',
          options: ['rbind', 'rw'],
        });
      }
    });
    assert.ok(encodePlan(plan).byteLength > 0);
  });
});

test('a failed step is told by its label and errno', () => {
  const plan = new PlanBuilder();
  plan.call('mount "proc" at "/proc"', 'fsopen', []);
  plan.call('exec: "/x": stat /x', 'faccessat2', []);
  plan.fail('exec: "x": executable file not found in $PATH', 'ENOENT');
  const built = plan.build();
  const told = [0, 1, 2].map((step) =>
    explainFailure(built, { step, errno: constants.errno.ENOENT, ignored: 0n }),
  );
  assert.deepEqual(
    told.map(({ message, code }) => [code, message]),
    [
      ['internal', 'Cannot mount "proc" at "/proc": ENOENT'],
      ['invalid-argument', 'exec: "/x": stat /x: no such file or directory'],
      ['invalid-argument', 'exec: "x": executable file not found in $PATH'],
    ],
  );
});
