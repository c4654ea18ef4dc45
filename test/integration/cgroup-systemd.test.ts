import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { isUnified, readCgroupLayout } from '../../runtime/cgroup/layout.ts';
import { parseOwnCgroups } from '../../runtime/cgroup/own.ts';
import { kill, processes } from '../../runtime/cgroup/live/processes.ts';
import { resolveCgroupsPath } from '../../runtime/cgroup/path.ts';
import { holdUnit } from '../../runtime/cgroup/systemd/hold.ts';
import { connectSystemd } from '../../runtime/cgroup/systemd/units.ts';
import { makeCgroups, startIn } from '../lib/cgroups.ts';
import { requires } from '../lib/requires.ts';

test('systemd keeps a container in a scope', requires('root', 'systemd'), async (t) => {
  const layout = await readCgroupLayout();
  const id = `wherry-test-${process.pid}`;
  const { unit, path } = resolveCgroupsPath({
    layout,
    cgroupsPath: `wherry-test.slice:w:${id}`,
    id,
    ownPaths: new Map(),
    driver: 'systemd',
  });
  assert.ok(unit);
  const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
  t.after(() => child.kill('SIGKILL'));
  const systemd = await connectSystemd({ isRootless: false });
  t.after(() => systemd.close());
  const resources = {
    pids: { limit: 33 },
    memory: { limit: 64 << 20 },
    devices: [
      { allow: false, access: 'rwm' },
      { allow: true, type: 'c', major: 1, minor: 3 },
    ],
  } as const;
  const annotations = { 'org.systemd.property.TimeoutStopSec': '1' };
  await systemd.start({
    unit,
    id,
    pid: child.pid ?? 0,
    layout,
    annotations,
    resources: { ...resources, devices: [...resources.devices] },
  });
  const own = parseOwnCgroups(readFileSync(`/proc/${child.pid}/cgroup`, 'utf8'));
  assert.equal(own.get(isUnified(layout) ? '' : 'name=systemd'), path);
  const mountPoint = isUnified(layout) ? layout.unified : '/sys/fs/cgroup/pids';
  const limit = (): string => readFileSync(`${mountPoint}${path}/pids.max`, 'utf8').trim();
  assert.equal(limit(), '33');
  await systemd.update({
    unit,
    layout,
    resources: { pids: { limit: 44 }, cpu: { cpus: '0', quota: 5000, period: 10_000 } },
  });
  assert.equal(limit(), '44');
  await assert.rejects(
    systemd.start({ unit, id, pid: process.pid, layout, annotations: undefined, resources: {} }),
    { code: 'conflict' },
  );
  const ended = once(child, 'exit');
  await systemd.stop(unit);
  await ended;
  assert.ok(!existsSync(`${mountPoint}${path}`));
  await systemd.stop(unit);
});

test(
  'a unit is there before its container, and stays with it alone',
  requires('root', 'systemd'),
  async (t) => {
    const layout = await readCgroupLayout();
    const id = `wherry-test-held-${process.pid}`;
    const place = resolveCgroupsPath({
      layout,
      cgroupsPath: undefined,
      id,
      ownPaths: new Map(),
      driver: 'systemd',
    });
    assert.ok(place.unit);
    const resources = { pids: { limit: 33 } };
    const held = await holdUnit({
      unit: place.unit,
      id,
      layout,
      resources,
      annotations: undefined,
      isRootless: false,
    });
    assert.equal((await processes(place)).length, 1);
    assert.equal(await makeCgroups(place, { ...resources, cpu: { shares: 2048 } }), undefined);
    const child = await startIn(t, place, 'read x');
    held.release();
    assert.deepEqual(await processes(place), [child.pid]);
    const systemd = await connectSystemd({ isRootless: false });
    t.after(() => systemd.close());
    await kill(place);
    await systemd.stop(place.unit);
    assert.deepEqual(await processes(place), []);
  },
);
