import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { describe, test, type TestContext } from 'node:test';
import type { CgroupPlace } from '../../runtime/cgroup/contract.ts';
import { joinCgroups } from '../../runtime/cgroup/create.ts';
import { cgroupDirectories, hierarchyOf } from '../../runtime/cgroup/layout.ts';
import { freeze, isFrozen, thaw } from '../../runtime/cgroup/live/freezer.ts';
import { countsToJson } from '../../runtime/cgroup/live/numbers.ts';
import { oomKills, watchOom } from '../../runtime/cgroup/live/oom.ts';
import { kill, processes, remove, signalAll } from '../../runtime/cgroup/live/processes.ts';
import { statistics } from '../../runtime/cgroup/live/statistics.ts';
import { checkUnused } from '../../runtime/cgroup/live/unused.ts';
import { applyResources, updatePlan } from '../../runtime/cgroup/live/update.ts';
import { subCgroups } from '../../runtime/cgroup/sub.ts';
import { PlanBuilder } from '../../runtime/plan/builder.ts';
import type { DeviceRule, Resources } from '../../runtime/spec.ts';
import { makeCgroups, placeOfTest, runPlan, startIn } from '../lib/cgroups.ts';
import { eventually } from '../lib/process.ts';
import { requires } from '../lib/requires.ts';

const read = (place: CgroupPlace, controller: string, file: string): string => {
  const mountPoint = hierarchyOf(place.layout, controller)?.mountPoint ?? place.layout.unified;
  return readFileSync(`${mountPoint}${place.path}/${file}`, 'utf8').trim();
};

describe('limits in version 1 hierarchies', () => {
  test('are what was asked for', requires('root', 'cgroup-v1'), async (t) => {
    const place = await placeOfTest(t);
    const failure = await makeCgroups(place, {
      memory: { limit: 64 << 20, swap: 96 << 20, reservation: 32 << 20, swappiness: 7 },
      cpu: { shares: 512, quota: 50_000, period: 100_000, burst: 10_000, cpus: '0', mems: '0' },
      pids: { limit: 20 },
      hugepageLimits: [{ pageSize: '2MB', limit: 4 << 20 }],
      devices: [
        { allow: false, access: 'rwm' },
        { allow: true, type: 'c', major: 1, minor: 3, access: 'rw' },
      ],
    });
    assert.equal(failure, undefined);
    const found = [
      ['memory', 'memory.limit_in_bytes', 64 << 20],
      ['memory', 'memory.memsw.limit_in_bytes', 96 << 20],
      ['memory', 'memory.soft_limit_in_bytes', 32 << 20],
      ['memory', 'memory.swappiness', 7],
      ['cpu', 'cpu.shares', 512],
      ['cpu', 'cpu.cfs_quota_us', 50_000],
      ['cpu', 'cpu.cfs_burst_us', 10_000],
      ['cpuset', 'cpuset.cpus', 0],
      ['pids', 'pids.max', 20],
      ['devices', 'devices.list', 'c 1:3 rw'],
      // On the version 2 side of a hybrid host.
      ['hugetlb', 'hugetlb.2MB.max', 4 << 20],
      ['hugetlb', 'hugetlb.2MB.rsvd.max', 4 << 20],
    ] as const;
    for (const [controller, file, expected] of found)
      assert.equal(read(place, controller, file), String(expected), file);
  });

  test(
    'go up and down while it lives, memory with swap, quota with period',
    requires('root', 'cgroup-v1'),
    async (t) => {
      const place = await placeOfTest(t);
      const limits = (limit: number, swap: number): Resources => ({
        memory: { limit: limit << 20, swap: swap << 20 },
      });
      await makeCgroups(place, { ...limits(64, 64), cpu: { quota: 10_000, period: 100_000 } });
      for (const [limit, swap] of [
        [128, 128],
        [32, 32],
        [256, 512],
        [16, 16],
      ] as const) {
        await applyResources({ ...place, resources: limits(limit, swap) });
        assert.equal(read(place, 'memory', 'memory.limit_in_bytes'), String(limit << 20));
        assert.equal(read(place, 'memory', 'memory.memsw.limit_in_bytes'), String(swap << 20));
      }
      assert.equal(await runPlan(updatePlan({ ...place, resources: limits(48, 64) })), undefined);
      assert.equal(read(place, 'memory', 'memory.memsw.limit_in_bytes'), String(64 << 20));
      await applyResources({ ...place, resources: { memory: { limit: -1 } } });
      assert.match(read(place, 'memory', 'memory.memsw.limit_in_bytes'), /^9223372/);
      await applyResources({ ...place, resources: { cpu: { quota: 5_000, period: 5_000, burst: 1_000 } } });
      assert.equal(read(place, 'cpu', 'cpu.cfs_period_us'), '5000');
      await applyResources({ ...place, resources: { cpu: { quota: -1, burst: 0 }, pids: { limit: -1 } } });
      assert.equal(read(place, 'cpu', 'cpu.cfs_quota_us'), '-1');
      assert.equal(read(place, 'pids', 'pids.max'), 'max');
    },
  );

  test('below what is used are refused in words', requires('root', 'cgroup-v1'), async (t) => {
    const place = await placeOfTest(t);
    await makeCgroups(place, { memory: { limit: 64 << 20, swap: 64 << 20 } });
    const child = await startIn(t, place, 'x=$(head -c 9000000 /dev/zero | tr "\\0" a); echo there; read x');
    await once(child.stdout ?? child, 'data');
    await assert.rejects(applyResources({ ...place, resources: { memory: { limit: 4096 } } }), {
      code: 'invalid-argument',
      message: /^unable to set memory limit to 4096 \(current usage: \d+, peak usage: \d+\)$/,
    });
  });
});

for (const side of ['all', 'v2'] as const) {
  describe(`a living cgroup, ${side === 'all' ? 'version 1' : 'version 2'}`, () => {
    test('is frozen and goes on', requires('root', 'cgroup-v1'), async (t) => {
      const place = await placeOfTest(t, side);
      await makeCgroups(place);
      assert.equal(await isFrozen(place), false);
      const child = await startIn(t, place, 'while read line; do echo $line; done');
      await freeze(place);
      assert.equal(await isFrozen(place), true);
      await assert.rejects(checkUnused(place), /cgroup is not empty: 1 process/);
      child.stdin?.write('hello\n');
      const echoed = once(child.stdout ?? child, 'data');
      await thaw(place);
      assert.equal(await isFrozen(place), false);
      assert.equal(String(await echoed), 'hello\n');
      await freeze(place);
      // SIGKILL reaches a paused one.
      const ended = once(child, 'exit');
      await signalAll(place, { signal: 9, isPaused: true });
      await ended;
      await checkUnused(place);
    });

    test(
      'names, signals and kills all its processes, of cgroups below too',
      requires('root', 'cgroup-v1'),
      async (t) => {
        const place = await placeOfTest(t, side);
        await makeCgroups(place);
        const below = { ...place, path: `${place.path}/below` };
        for (const directory of cgroupDirectories(place.layout, below.path)) mkdirSync(directory);
        if (side === 'all')
          for (const file of ['cpus', 'mems'])
            writeFileSync(`/sys/fs/cgroup/cpuset${below.path}/cpuset.${file}`, '0');
        const [one, other] = [
          await startIn(t, place, 'exec sleep 100'),
          await startIn(t, below, 'exec sleep 100'),
        ];
        assert.deepEqual(new Set(await processes(place)), new Set([one.pid, other.pid]));
        const ended = once(other, 'exit');
        await signalAll(below, { signal: 15, isPaused: false });
        assert.deepEqual(await ended, [null, 'SIGTERM']);
        const killed = once(one, 'exit');
        await kill(place);
        assert.deepEqual(await killed, [null, 'SIGKILL']);
        assert.deepEqual(await processes(place), []);
        await remove(place);
        for (const directory of cgroupDirectories(place.layout, place.path))
          assert.ok(!existsSync(directory));
        await remove(place);
        await kill(place);
      },
    );
  });
}

test('statistics have the shape of runc', requires('root', 'cgroup-v1'), async (t) => {
  const place = await placeOfTest(t);
  await makeCgroups(place, { memory: { limit: 64 << 20 }, pids: { limit: 9 } });
  const child = await startIn(
    t,
    place,
    'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; echo done; read x',
  );
  await once(child.stdout ?? child, 'data');
  const stats = JSON.parse(countsToJson(await statistics(place))) as Record<string, Record<string, never>>;
  assert.deepEqual(Object.keys(stats), ['cpu', 'cpuset', 'memory', 'pids', 'blkio', 'hugetlb', 'intel_rdt']);
  assert.deepEqual(stats['pids'], { current: 1, limit: 9 });
  assert.equal(stats['memory']?.['usage']?.['limit'], 64 << 20);
  assert.ok(Number(stats['memory']?.['usage']?.['usage']) > 0);
  assert.ok(Number(stats['cpu']?.['usage']?.['total']) > 0);
  assert.deepEqual(Object.keys(stats['cpuset'] ?? {}), [
    'cpus',
    'cpu_exclusive',
    'mems',
    'mem_hardwall',
    'mem_exclusive',
    'memory_migrate',
    'memory_spread_page',
    'memory_spread_slab',
    'memory_pressure',
    'sched_load_balance',
    'sched_relax_domain_level',
  ]);
  assert.ok('total_rss' in (stats['memory']?.['raw'] ?? {}));
});

test('a lack of memory is counted and told of', requires('root', 'cgroup-v1'), async (t) => {
  const place = await placeOfTest(t);
  await makeCgroups(place, { memory: { limit: 8 << 20, swap: 8 << 20 } });
  const { promise: told, resolve } = Promise.withResolvers<void>();
  const watch = await watchOom(place, resolve);
  t.after(() => watch.close());
  assert.equal(await oomKills(place), 0);
  await startIn(t, place, 'head -c 64000000 /dev/zero | tail > /dev/null; read x');
  await told;
  // The kernel tells of the lack first, and counts the victim a moment later.
  await eventually('the victim is counted', async () => (await oomKills(place)) > 0);
  await kill(place);
  await remove(place);
  await watch.ended;
});

test('the watch ends when it is closed', requires('root', 'cgroup-v1'), async (t) => {
  const place = await placeOfTest(t);
  await makeCgroups(place);
  const watch = await watchOom(place, () => {});
  watch.close();
  await watch.ended;
  watch.close();
});

describe('devices as a program of the version 2 hierarchy', () => {
  const rules: DeviceRule[] = [
    { allow: false, access: 'rwm' },
    { allow: true, type: 'c', major: 1, minor: 3, access: 'rwm' },
    { allow: true, type: 'c', major: 1, minor: 5, access: 'r' },
    { allow: true, type: 'c', major: 1, minor: 8, access: 'r' },
    { allow: true, type: 'c', major: 1, minor: 8, access: 'w' },
    { allow: true, type: 'c', major: 1, access: 'm' },
    { allow: true, type: 'c', major: 1, minor: 9, access: 'rw' },
    { allow: false, type: 'c', major: 1, minor: 9, access: 'w' },
  ];
  const attempts = async (t: TestContext, place: CgroupPlace): Promise<Record<string, string>> => {
    const directory = await mkdtemp('/tmp/wcg-');
    t.after(() => rm(directory, { recursive: true }));
    const child = await startIn(
      t,
      place,
      `try() { name=$1; shift; if "$@" 2>/dev/null; then echo $name yes; else echo $name no; fi; }
       try null sh -c ': < /dev/null'; try null-w sh -c ': > /dev/null'
       try zero sh -c ': < /dev/zero'; try zero-w sh -c ': > /dev/zero'
       try random-rw sh -c ': <> /dev/random'; try full sh -c ': < /dev/full'
       try urandom sh -c ': < /dev/urandom'; try urandom-w sh -c ': > /dev/urandom'
       try mknod mknod ${directory}/n c 1 7; try mknod-b mknod ${directory}/b b 7 0; echo end; read x`,
    );
    let text = '';
    for await (const data of child.stdout ?? []) {
      text += String(data);
      if (text.includes('end')) break;
    }
    child.kill('SIGKILL');
    return Object.fromEntries(
      text
        .trim()
        .split('\n')
        .map((line) => line.split(' ')),
    ) as Record<string, string>;
  };

  test(
    'decides as the last rule says, and an update replaces it',
    requires('root', 'cgroup-v1'),
    async (t) => {
      const place = await placeOfTest(t, 'v2');
      assert.equal(await makeCgroups(place, { devices: rules }), undefined);
      const { end: _, ...found } = await attempts(t, place);
      assert.deepEqual(found, {
        null: 'yes',
        'null-w': 'yes',
        zero: 'yes',
        'zero-w': 'no',
        'random-rw': 'yes',
        full: 'no',
        urandom: 'yes',
        'urandom-w': 'no',
        mknod: 'yes',
        'mknod-b': 'no',
      });
      const all: DeviceRule[] = [{ allow: true, access: 'rwm' }];
      assert.equal(await runPlan(updatePlan({ ...place, resources: { devices: all } })), undefined);
      const { end: __, ...after } = await attempts(t, place);
      assert.deepEqual(new Set(Object.values(after)), new Set(['yes']));
      const none: DeviceRule[] = [
        { allow: true, access: 'rwm' },
        { allow: false, type: 'c', access: 'r' },
      ];
      assert.equal(await runPlan(updatePlan({ ...place, resources: { devices: none } })), undefined);
      const last = await attempts(t, place);
      assert.deepEqual([last['null'], last['null-w'], last['mknod-b']], ['no', 'yes', 'yes']);
    },
  );
});

test('a process is born where exec --cgroup says', requires('root', 'cgroup-v1'), async (t) => {
  const place = await placeOfTest(t);
  await makeCgroups(place);
  mkdirSync(`/sys/fs/cgroup/memory${place.path}/sub`);
  const at = await subCgroups(place, ['memory:sub']);
  const plan = new PlanBuilder();
  joinCgroups(plan, at.layout, at.path);
  const file = plan.call('open', 'openat', [-100, '/proc/self/cgroup', 0, 0], { save: true });
  const out = plan.call('out', 'openat', [-100, `/tmp/wcg-${process.pid}`, 0o1101, 0o600], { save: true });
  const room = { kind: 'blob', offset: plan.bytes(new Uint8Array(4096)) } as const;
  const length = plan.call('read', 'read', [file, room, 4096], { save: true });
  plan.call('copy', 'write', [out, room, length]);
  plan.end();
  t.after(() => rm(`/tmp/wcg-${process.pid}`, { force: true }));
  assert.equal(await runPlan(plan.build()), undefined);
  const text = readFileSync(`/tmp/wcg-${process.pid}`, 'utf8');
  assert.match(text, new RegExp(`:memory:${place.path}/sub$`, 'm'));
  assert.match(text, new RegExp(`:pids:${place.path}$`, 'm'));
  await assert.rejects(subCgroups(place, ['whaaat:/']), /unknown controller /);
  await assert.rejects(subCgroups(place, ['cpu:nonexistent']), / adding pid .*no such file or directory/);
  await assert.rejects(subCgroups(place, ['..']), /bad sub cgroup path/);
});
