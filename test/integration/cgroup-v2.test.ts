import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { delegateCgroup } from '../../runtime/cgroup/delegate.ts';
import { execPath } from '../../runtime/cgroup/exec.ts';
import { countsToJson } from '../../runtime/cgroup/live/numbers.ts';
import { oomKills, watchOom } from '../../runtime/cgroup/live/oom.ts';
import { kill, processes, remove } from '../../runtime/cgroup/live/processes.ts';
import { statistics } from '../../runtime/cgroup/live/statistics.ts';
import { applyResources } from '../../runtime/cgroup/live/update.ts';
import { PlanBuilder } from '../../runtime/plan/builder.ts';
import { makeCgroups, placeOfTest, runPlan, startIn } from '../lib/cgroups.ts';
import { requires } from '../lib/requires.ts';

const host = requires('root', 'cgroup-v2');

test('limits of version 2 are what was asked for, and change', host, async (t) => {
  const place = await placeOfTest(t);
  const directory = `${place.layout.unified}${place.path}`;
  const read = (file: string): string => readFileSync(`${directory}/${file}`, 'utf8').trim();
  const failure = await makeCgroups(place, {
    memory: { limit: 64 << 20, swap: 96 << 20, reservation: 32 << 20 },
    cpu: { shares: 512, quota: 50_000, period: 100_000, burst: 10_000, cpus: '0', mems: '0' },
    pids: { limit: 20 },
    blockIO: { weight: 500 },
    unified: { 'memory.high': '50331648', 'cpu.weight': '77' },
  });
  assert.equal(failure, undefined);
  const found = Object.fromEntries(
    [
      'memory.max',
      'memory.swap.max',
      'memory.low',
      'memory.high',
      'cpu.max',
      'cpu.max.burst',
      'cpu.weight',
      'cpuset.cpus',
      'pids.max',
    ].map((file) => [file, read(file)]),
  );
  assert.deepEqual(found, {
    'memory.max': '67108864',
    'memory.swap.max': '33554432',
    'memory.low': '33554432',
    'memory.high': '50331648',
    'cpu.max': '50000 100000',
    'cpu.max.burst': '10000',
    'cpu.weight': '77',
    'cpuset.cpus': '0',
    'pids.max': '20',
  });
  await applyResources({
    ...place,
    resources: {
      memory: { limit: 32 << 20, swap: 32 << 20 },
      cpu: { quota: 5_000, period: 5_000, burst: 1_000 },
      pids: { limit: -1 },
    },
  });
  assert.deepEqual(['memory.max', 'memory.swap.max', 'cpu.max', 'pids.max'].map(read), [
    '33554432',
    '0',
    '5000 5000',
    'max',
  ]);
  await applyResources({ ...place, resources: { cpu: { quota: -1, period: 5_000, burst: 0 } } });
  assert.equal(read('cpu.max'), 'max 5000');
});

test('an update that would kill is refused when that is asked for', host, async (t) => {
  const place = await placeOfTest(t);
  await makeCgroups(place);
  const child = await startIn(t, place, 'x=$(head -c 9000000 /dev/zero | tr "\\0" a); echo there; read x');
  await once(child.stdout ?? child, 'data');
  const memory = { limit: 4096, checkBeforeUpdate: true };
  await assert.rejects(
    applyResources({ ...place, resources: { memory } }),
    /^WherryError: rejecting memory limit 4096 <= usage \d+/,
  );
});

test('statistics of version 2 have the shape of runc', host, async (t) => {
  const place = await placeOfTest(t);
  await makeCgroups(place, { memory: { limit: 64 << 20 }, pids: { limit: 9 } });
  const child = await startIn(
    t,
    place,
    'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; echo done; read x',
  );
  await once(child.stdout ?? child, 'data');
  const stats = JSON.parse(countsToJson(await statistics(place))) as Record<string, Record<string, never>>;
  assert.deepEqual(stats['pids'], { current: 1, limit: 9 });
  assert.equal(stats['memory']?.['usage']?.['limit'], 64 << 20);
  assert.equal(stats['memory']?.['swap']?.['limit'], 2 ** 64);
  assert.ok(Number(stats['memory']?.['usage']?.['usage']) > 0);
  assert.ok(Number(stats['cpu']?.['usage']?.['total']) > 0);
  assert.ok('anon' in (stats['memory']?.['raw'] ?? {}));
});

test('a lack of memory is counted and told of, and the watch ends with the last process', host, async (t) => {
  const place = await placeOfTest(t);
  await makeCgroups(place, { memory: { limit: 8 << 20, swap: 8 << 20 } });
  const { promise: told, resolve } = Promise.withResolvers<void>();
  await startIn(t, place, 'head -c 64000000 /dev/zero | tail > /dev/null; read x');
  const watch = await watchOom(place, resolve);
  t.after(() => watch.close());
  await told;
  assert.ok((await oomKills(place)) > 0);
  await kill(place);
  await watch.ended;
  assert.deepEqual(await processes(place), []);
  await remove(place);
});

test('a further process goes to its init where the container handed controllers down', host, async (t) => {
  const place = await placeOfTest(t);
  await makeCgroups(place);
  const child = await startIn(t, place, 'read x');
  const init = child.pid ?? 0;
  assert.equal(execPath(place, init), place.path);
  const directory = `${place.layout.unified}${place.path}`;
  mkdirSync(`${directory}/init.scope`);
  writeFileSync(`${directory}/init.scope/cgroup.procs`, String(init));
  assert.equal(execPath(place, init), place.path);
  writeFileSync(`${directory}/cgroup.subtree_control`, '+memory');
  assert.equal(execPath(place, init), `${place.path}/init.scope`);
});

test('a cgroup is handed to a user of the host', host, async (t) => {
  const place = await placeOfTest(t);
  await makeCgroups(place);
  const plan = new PlanBuilder();
  delegateCgroup(plan, place, 4242);
  plan.end();
  assert.equal(await runPlan(plan.build()), undefined);
  const owner = (file: string): number => statSync(`${place.layout.unified}${place.path}${file}`).uid;
  assert.deepEqual(
    ['', '/cgroup.procs', '/cgroup.subtree_control', '/memory.max'].map(owner),
    [4242, 4242, 4242, 0],
  );
});
