import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createCgroups } from '../../../runtime/cgroup/create.ts';
import { delegateCgroup, delegateOf } from '../../../runtime/cgroup/delegate.ts';
import { compileDeviceRules } from '../../../runtime/cgroup/device-program.ts';
import { deviceRule, withDefaultDeviceRules } from '../../../runtime/cgroup/devices.ts';
import { parseCgroupLayout, type CgroupLayout } from '../../../runtime/cgroup/layout.ts';
import { limitCgroups } from '../../../runtime/cgroup/limits.ts';
import { countsToJson, parseCount } from '../../../runtime/cgroup/live/numbers.ts';
import { mergeResources } from '../../../runtime/cgroup/live/update.ts';
import { parseOwnCgroups } from '../../../runtime/cgroup/own.ts';
import { resolveCgroupsPath } from '../../../runtime/cgroup/path.ts';
import { weightOfShares } from '../../../runtime/cgroup/v2.ts';
import { placeWrites } from '../../../runtime/cgroup/writes.ts';
import { PlanBuilder } from '../../../runtime/plan/builder.ts';
import type { DeviceRule, Mount, Resources, Spec } from '../../../runtime/spec.ts';

const V2: CgroupLayout = {
  hierarchies: [],
  unified: '/sys/fs/cgroup',
  unifiedControllers: ['cpuset', 'cpu', 'io', 'memory', 'hugetlb', 'pids', 'rdma'],
};
const HYBRID: CgroupLayout = {
  hierarchies: ['cpu', 'cpuset', 'memory', 'devices', 'pids', 'blkio', 'freezer', 'name=systemd'].map(
    (name) => ({
      mountPoint: `/sys/fs/cgroup/${name.replace('name=', '')}`,
      controllers: [name],
    }),
  ),
  unified: '/sys/fs/cgroup/unified',
  unifiedControllers: ['hugetlb'],
};

const filesOf = (layout: CgroupLayout, resources: Resources, fresh = true): string[] =>
  placeWrites({ layout, resources }, fresh).flatMap(({ mountPoint, writes }) =>
    writes.map(({ file, text, otherwise }) => {
      const rest = otherwise === undefined ? '' : ` or ${otherwise.file}=${otherwise.text}`;
      return `${mountPoint.slice('/sys/fs/cgroup'.length)}/${file}=${text}${rest}`;
    }),
  );

describe('limits of version 2', () => {
  for (const [name, resources, expected] of [
    ['memory', { memory: { limit: 100, reservation: 50 } }, ['/memory.max=100', '/memory.low=50']],
    [
      'swap is what is more than memory',
      { memory: { limit: 100, swap: 300 } },
      ['/memory.swap.max=200', '/memory.max=100'],
    ],
    ['no swap', { memory: { limit: 100, swap: 100 } }, ['/memory.swap.max=0', '/memory.max=100']],
    ['unlimited swap', { memory: { limit: 100, swap: -1 } }, ['/memory.swap.max=max', '/memory.max=100']],
    [
      'unlimited memory is unlimited swap',
      { memory: { limit: -1 } },
      ['/memory.swap.max=max', '/memory.max=max'],
    ],
    ['version 1 alone', { memory: { kernel: 5, kernelTCP: 5, swappiness: 5, disableOOMKiller: true } }, []],
    ['shares', { cpu: { shares: 1024 } }, ['/cpu.weight=100']],
    ['quota and period', { cpu: { quota: 5000, period: 10_000 } }, ['/cpu.max=5000 10000']],
    ['quota alone', { cpu: { quota: 5000 } }, ['/cpu.max=5000 100000']],
    ['no quota', { cpu: { quota: -1, period: 1000 } }, ['/cpu.max=max 1000']],
    ['burst', { cpu: { quota: 5000, burst: 0 } }, ['/cpu.max=5000 100000', '/cpu.max.burst=0']],
    ['idle has no weight', { cpu: { idle: 1, shares: 9 } }, ['/cpu.idle=1']],
    ['cpuset', { cpu: { cpus: '0-1', mems: '0' } }, ['/cpuset.cpus=0-1', '/cpuset.mems=0']],
    ['pids', { pids: { limit: 0 } }, ['/pids.max=1']],
    ['io weight', { blockIO: { weight: 1000 } }, ['/io.bfq.weight=1000 or io.weight=10000']],
    [
      'io rate',
      { blockIO: { throttleWriteIOPSDevice: [{ major: 8, minor: 0, rate: 9 }] } },
      ['/io.max=8:0 wiops=9'],
    ],
    [
      'huge pages',
      { hugepageLimits: [{ pageSize: '2MB', limit: 0 }] },
      ['/hugetlb.2MB.max=0', '/hugetlb.2MB.rsvd.max=0'],
    ],
    [
      'rdma',
      { rdma: { mlx5_1: { hcaHandles: 3, hcaObjects: 4 } } },
      ['/rdma.max=mlx5_1 hca_handle=3 hca_object=4'],
    ],
    ['network is for programs', { network: { classID: 5 } }, []],
    [
      'unified, line by line, last',
      { unified: { 'io.max': '8:0 rbps=1\n8:0 wbps=2\n', 'cgroup.type': 'threaded' }, pids: { limit: 2 } },
      ['/pids.max=2', '/io.max=8:0 rbps=1', '/io.max=8:0 wbps=2', '/cgroup.type=threaded'],
    ],
  ] as const satisfies readonly (readonly [string, Resources, readonly string[]])[])
    test(name, () => assert.deepEqual(filesOf(V2, resources), expected));

  for (const [name, layout, resources, message] of [
    [
      'unified without its controller',
      V2,
      { unified: { 'misc.max': 'x' } },
      /"misc.max" can't be set: controller "misc" not available/,
    ],
    ['unified with a path', V2, { unified: { '../pids.max': '1' } }, /must be a file name \(no slashes\)/],
    ['unified without a controller', V2, { unified: { foo: '1' } }, /in the form CONTROLLER.PARAMETER/],
    ['unified on version 1', HYBRID, { unified: { 'memory.min': '1' } }, /cannot use unified on cgroup v1/],
    [
      'swap below memory',
      V2,
      { memory: { limit: 10, swap: 5 } },
      /memory\+swap limit should be >= memory limit/,
    ],
    ['swap without memory', V2, { memory: { swap: 5 } }, /unable to set swap limit without memory limit/],
    [
      'a controller that is not there',
      { ...V2, unifiedControllers: [] },
      { pids: { limit: 1 } },
      /Cannot set pids.max: the cgroup controller "pids" is not mounted/,
    ],
    ['swappiness', HYBRID, { memory: { swappiness: 101 } }, /valid range is 0-100/],
    ['too many shares', HYBRID, { cpu: { shares: 300_000 } }, /the maximum allowed cpu-shares is 262144/],
    ['too few shares', HYBRID, { cpu: { shares: 1 } }, /the minimum allowed cpu-shares is 2/],
    ['network classes', HYBRID, { network: { classID: 1 } }, /controller "net_cls" is not mounted/],
  ] as const satisfies readonly (readonly [string, CgroupLayout, Resources, RegExp])[])
    test(`refused: ${name}`, () =>
      assert.throws(() => filesOf(layout, resources), { code: 'invalid-argument', message }));

  test('weights meet runc at both ends and at the default', () => {
    for (const [shares, weight] of [
      [0, 1],
      [2, 1],
      [1024, 100],
      [262_144, 10_000],
      [500_000, 10_000],
    ] as const)
      assert.equal(weightOfShares(shares), weight);
  });
});

test('a hybrid host limits each resource where its controller is', () => {
  assert.deepEqual(
    filesOf(HYBRID, { hugepageLimits: [{ pageSize: '1GB', limit: 5 }], memory: { limit: 7 } }),
    ['/memory/memory.limit_in_bytes=7', '/unified/hugetlb.1GB.max=5', '/unified/hugetlb.1GB.rsvd.max=5'],
  );
});

test('values that bound each other are tried twice in a living cgroup', () => {
  assert.deepEqual(
    filesOf(HYBRID, { memory: { limit: 5, swap: 9 }, cpu: { quota: 1, period: 2, burst: 3 } }, false),
    [
      '/memory/memory.memsw.limit_in_bytes=9',
      '/memory/memory.limit_in_bytes=5',
      '/memory/memory.memsw.limit_in_bytes=9',
      '/cpu/cpu.cfs_period_us=2',
      '/cpu/cpu.cfs_burst_us=3',
      '/cpu/cpu.cfs_quota_us=1',
      '/cpu/cpu.cfs_period_us=2',
      '/cpu/cpu.cfs_burst_us=3',
    ],
  );
});

describe('plans', () => {
  const labels = (build: (plan: PlanBuilder) => void): string[] => {
    const plan = new PlanBuilder();
    build(plan);
    plan.end();
    return plan.build().steps.map(({ label }) => label);
  };
  const enabling = (list: readonly string[]): string[] => [
    ...new Set(list.filter((label) => label.startsWith('enable'))),
  ];

  test('of version 2 let each level above hand controllers down', () => {
    assert.deepEqual(enabling(labels((plan) => createCgroups(plan, V2, '/a/b'))), [
      'enable controllers in "/sys/fs/cgroup/cgroup.subtree_control"',
      'enable controllers in "/sys/fs/cgroup/a/cgroup.subtree_control"',
    ]);
  });

  test('of a hybrid host do so only for who needs it', () => {
    const made = (resources: Resources): string[] =>
      labels((plan) => {
        createCgroups(plan, HYBRID, '/a/b');
        limitCgroups(plan, { layout: HYBRID, path: '/a/b', resources });
      });
    assert.deepEqual(enabling(made({ memory: { limit: 1 } })), []);
    assert.equal(enabling(made({ hugepageLimits: [{ pageSize: '2MB', limit: 1 }] })).length, 2);
  });

  test('limit devices by a program where there is no list', () => {
    const rules: DeviceRule[] = [{ allow: false, access: 'rwm' }];
    const made = labels((plan) =>
      limitCgroups(plan, { layout: V2, path: '/a', resources: { devices: rules } }),
    );
    assert.ok(made.includes('limit devices of cgroup "/sys/fs/cgroup/a"'));
    assert.throws(
      () =>
        labels((plan) =>
          limitCgroups(plan, {
            layout: { hierarchies: [], unified: undefined },
            path: '/a',
            resources: { devices: rules },
          }),
        ),
      /controller "devices" is not mounted/,
    );
  });
});

describe('device rules', () => {
  test('of every container come last, behind a refusal of all', () => {
    const rules = withDefaultDeviceRules([{ allow: true, type: 'b', major: 8 }]);
    assert.deepEqual(rules.slice(0, 3), [
      { allow: false, access: 'rwm' },
      { allow: true, type: 'b', major: 8 },
      { allow: true, type: 'c', access: 'm' },
    ]);
    assert.equal(rules.length, 13);
  });

  test('before one about everything do not count', () => {
    const one: DeviceRule = { allow: true, type: 'c', major: 1, minor: 3 };
    const all: DeviceRule = { allow: true, access: 'rwm' };
    assert.deepEqual(compileDeviceRules([one, one, all]), compileDeviceRules([all]));
    // Six instructions of prologue, five of the rule, two of the answer.
    assert.equal(compileDeviceRules([one]).byteLength, 8 * 13);
  });
});

test('access that is none is passed over, as by runc', () => {
  assert.equal(deviceRule({ allow: false, type: 'c', major: 1, minor: 11, access: 'wra' }), 'c 1:11 rw');
  assert.deepEqual(compileDeviceRules([{ allow: true, type: 'c', access: 'a' }]), compileDeviceRules([]));
});

describe('a cgroup is handed to the container', () => {
  const spec = (options: string[], kinds: readonly ('cgroup' | 'user')[]): Spec => ({
    ociVersion: '1.2.0',
    process: { user: { uid: 5, gid: 0 }, args: ['x'], cwd: '/' },
    root: { path: 'r' },
    mounts: [{ destination: '/sys/fs/cgroup', type: 'cgroup', options } satisfies Mount],
    linux: {
      namespaces: kinds.map((type) => ({ type })),
      uidMappings: [{ containerID: 0, hostID: 1000, size: 10 }],
    },
  });
  test("'s user, where it sees its own alone and may write", () => {
    assert.equal(delegateOf(spec(['rw'], ['cgroup', 'user'])), 1005);
    assert.equal(delegateOf(spec(['nosuid', 'ro'], ['cgroup', 'user'])), undefined);
    assert.equal(delegateOf(spec([], ['user'])), undefined);
    assert.equal(delegateOf(spec([], ['cgroup'])), undefined);
  });

  test('with the files that the kernel delegates, on version 2 alone', () => {
    const steps = (layout: CgroupLayout): number => {
      const plan = new PlanBuilder();
      delegateCgroup(plan, { layout, path: '/a' }, 1005);
      return plan.build().steps.length;
    };
    assert.deepEqual([steps(V2), steps(HYBRID)], [6, 0]);
  });
});

describe('where a container goes', () => {
  const own = parseOwnCgroups('4:memory:/box/1\n3:cpuset:/\n1:name=systemd:/s\n0::/user/session\n');
  const resolve = (
    layout: CgroupLayout,
    cgroupsPath: string | undefined,
    driver: 'cgroupfs' | 'systemd' = 'cgroupfs',
  ) => resolveCgroupsPath({ layout, cgroupsPath, id: 'c1', ownPaths: own, driver });

  test('an absolute path is below each root, and never above', () => {
    assert.deepEqual(resolve(HYBRID, '/a/../../b//c/'), { layout: HYBRID, path: '/b/c', unit: undefined });
    assert.throws(() => resolve(HYBRID, '/'), { code: 'invalid-argument' });
  });

  test('without a path it is below the caller', () => {
    const { layout, path } = resolve(HYBRID, undefined);
    assert.equal(path, '/c1');
    const at = new Map(layout.hierarchies.map(({ controllers, mountPoint }) => [controllers[0], mountPoint]));
    assert.equal(at.get('memory'), '/sys/fs/cgroup/memory/box/1');
    assert.equal(at.get('cpuset'), '/sys/fs/cgroup/cpuset');
    assert.equal(at.get('name=systemd'), '/sys/fs/cgroup/systemd/s');
    assert.deepEqual(layout.hierarchies.map(({ name }) => name).slice(0, 3), ['cpu', 'cpuset', 'memory']);
    assert.equal(layout.unified, '/sys/fs/cgroup/unified/user');
    assert.equal(resolve(V2, '../x').path, '/x');
    assert.equal(resolve(V2, 'x').layout.unified, '/sys/fs/cgroup/user');
  });

  test('in a container that sees a part of each hierarchy, it is below that part', () => {
    const layout = parseCgroupLayout(
      [
        '40 31 0:37 /box/1 /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory',
        '41 31 0:38 /user /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw',
        '42 31 0:39 /other /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset',
      ].join('\n'),
    );
    const at = resolve(layout, undefined).layout;
    assert.deepEqual(
      at.hierarchies.map(({ mountPoint }) => mountPoint),
      ['/sys/fs/cgroup/memory', '/sys/fs/cgroup/cpuset'],
    );
    assert.equal(at.unified, '/sys/fs/cgroup/unified');
    const deeper = new Map([
      ['memory', '/box/1/deep'],
      ['', '/user/a/b'],
    ]);
    const below = resolveCgroupsPath({
      layout,
      cgroupsPath: 'x',
      id: 'c1',
      ownPaths: deeper,
      driver: 'cgroupfs',
    });
    assert.equal(below.layout.hierarchies[0]?.mountPoint, '/sys/fs/cgroup/memory/deep');
    assert.equal(below.layout.unified, '/sys/fs/cgroup/unified/a');
  });

  test('systemd keeps it in a scope of a slice', () => {
    assert.deepEqual(resolve(V2, 'machine-a-b.slice:docker:abc', 'systemd'), {
      layout: V2,
      path: '/machine.slice/machine-a.slice/machine-a-b.slice/docker-abc.scope',
      unit: { name: 'docker-abc.scope', slice: 'machine-a-b.slice' },
    });
    assert.equal(resolve(V2, undefined, 'systemd').path, '/system.slice/runc-c1.scope');
    assert.equal(resolve(V2, '-.slice:p:n.slice', 'systemd').path, '/n.slice');
    for (const wrong of ['/a/b', 'a:b', 'a-.slice:b:c', 'x:b:c', 'a.slice:b:../../c'])
      assert.throws(() => resolve(V2, wrong, 'systemd'), { code: 'invalid-argument' });
  });
});

test('an update completes what counts together', () => {
  const base: Resources = {
    memory: { limit: 10, swap: 20 },
    cpu: { quota: 5, period: 10, shares: 7 },
    pids: { limit: 3 },
  };
  assert.deepEqual(mergeResources(base, { memory: { limit: 15 }, cpu: { quota: 6 } }), {
    merged: { memory: { limit: 15, swap: 20 }, cpu: { quota: 6, period: 10, shares: 7 }, pids: { limit: 3 } },
    change: { memory: { limit: 15, swap: 20 }, cpu: { quota: 6, period: 10 } },
  });
  assert.deepEqual(mergeResources(base, { memory: { limit: -1 } }).change, {
    memory: { limit: -1, swap: 0 },
  });
  assert.deepEqual(mergeResources(base, { cpu: { shares: 9 }, devices: [{ allow: true }] }).change, {
    cpu: { shares: 9 },
  });
});

test('counts of 64 bits stay exact in JSON', () => {
  const counts = {
    small: parseCount('5'),
    large: parseCount('9223372036854771712'),
    max: parseCount('max'),
    less: parseCount('-1'),
  };
  assert.equal(
    countsToJson(counts),
    '{"small":5,"large":9223372036854771712,"max":18446744073709551615,"less":0}',
  );
});
