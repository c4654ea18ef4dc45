import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limitWarnings, showLimits } from '../../../daemon/api/docker/convert/limits.ts';
import type { EngineInfo } from '../../../daemon/core/contract.ts';
import type { KernelLimits } from '../../../daemon/core/kernel-limits.ts';
import { ALL_LIMITS } from '../../lib/examples.ts';
import { fakeEngine } from '../../lib/fake-engine.ts';

const infoOf = (without: readonly (keyof KernelLimits)[], change: Partial<EngineInfo> = {}): EngineInfo => ({
  ...fakeEngine().info(),
  limits: { ...ALL_LIMITS, ...Object.fromEntries(without.map((key) => [key, false])) },
  ...change,
});

/** What the kernel lacks, the fields of `info` that say so, docker's warnings. */
const cases: readonly (readonly [keyof KernelLimits, readonly string[], readonly string[]])[] = [
  ['memory', ['MemoryLimit'], ['No memory limit support']],
  ['swap', ['SwapLimit'], ['No swap limit support']],
  ['cpuQuota', ['CpuCfsPeriod', 'CpuCfsQuota'], ['No cpu cfs quota support', 'No cpu cfs period support']],
  ['cpuShares', ['CPUShares'], ['No cpu shares support']],
  ['cpuset', ['CPUSet'], ['No cpuset support']],
  ['pids', ['PidsLimit'], []],
  ['oomKillDisable', ['OomKillDisable'], ['No oom kill disable support']],
  ['blkioWeight', [], ['No blkio weight support']],
];

test('what the host can limit is told, and what it lacks is warned of', () => {
  const all = Object.entries(showLimits(infoOf([])));
  assert.ok(all.length > 0 && all.every(([, value]) => value === true));
  assert.deepEqual(limitWarnings(infoOf([])), []);
  for (const [limit, fields, warnings] of cases) {
    const shown = Object.entries(showLimits(infoOf([limit])));
    assert.deepEqual(
      shown.filter(([, value]) => value === false).map(([name]) => name),
      fields,
    );
    assert.deepEqual(
      limitWarnings(infoOf([limit])),
      warnings.map((text) => `WARNING: ${text}`),
    );
  }
});

test('version 2 of cgroups has names of its own', () => {
  const info = infoOf(['blkioWeight', 'readBps', 'oomKillDisable'], { cgroupVersion: '2' });
  assert.deepEqual(limitWarnings(info), [
    'WARNING: No io.weight support',
    'WARNING: No io.max (rbps) support',
  ]);
  assert.deepEqual(limitWarnings(infoOf([], { ipv4Forwarding: false })), [
    'WARNING: IPv4 forwarding is disabled',
  ]);
});
