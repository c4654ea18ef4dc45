import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fitResources } from '../../../daemon/core/containers/fit-resources.ts';
import type { HostResources } from '../../../daemon/core/contract.ts';
import type { KernelLimits } from '../../../daemon/core/kernel-limits.ts';
import { ALL_LIMITS, exampleRequest } from '../../lib/examples.ts';

const plain = exampleRequest().host.resources;
const fit = (asked: Partial<HostResources>, without: readonly (keyof KernelLimits)[]) =>
  fitResources(
    { ...plain, ...asked },
    { ...ALL_LIMITS, ...Object.fromEntries(without.map((key) => [key, false])) },
  );

const rate = { path: '/dev/x', rate: 5 };
const none = plain.blkioDevices;

/** What is asked for, what the kernel lacks, what is left, docker's warning. */
const cases: readonly (readonly [
  Partial<HostResources>,
  keyof KernelLimits,
  Partial<HostResources>,
  RegExp,
])[] = [
  [
    { memoryBytes: 1e8 },
    'memory',
    { memoryBytes: undefined, memorySwapBytes: -1 },
    /memory limit capabilities .* Limitation discarded\.$/,
  ],
  [{ memoryBytes: 1e8 }, 'swap', { memoryBytes: 1e8, memorySwapBytes: -1 }, /Memory limited without swap\.$/],
  [{ memorySwappiness: 0 }, 'swappiness', { memorySwappiness: undefined }, /Memory swappiness discarded\.$/],
  [
    { memoryReservationBytes: 1e8 },
    'reservation',
    { memoryReservationBytes: undefined },
    /memory soft limit capabilities/,
  ],
  [
    { oomKillDisable: true, memoryBytes: 1e8 },
    'oomKillDisable',
    { oomKillDisable: false },
    /^Your kernel does not support OomKillDisable\./,
  ],
  [{ pidsLimit: 5 }, 'pids', { pidsLimit: undefined }, /PIDs limit discarded\.$/],
  [{ cpuShares: 5 }, 'cpuShares', { cpuShares: undefined }, /Shares discarded\.$/],
  [
    { cpuQuotaUs: 5000, cpuPeriodUs: 5000 },
    'cpuQuota',
    { cpuQuotaUs: undefined, cpuPeriodUs: undefined },
    /CPU period\/quota discarded\.$/,
  ],
  [{ cpusetCpus: '0' }, 'cpuset', { cpusetCpus: '' }, /Cpuset discarded\.$/],
  [
    { blkioWeight: 10 },
    'blkioWeight',
    { blkioWeight: undefined },
    /Block I\/O weight or .* Weight discarded\.$/,
  ],
  [
    { blkioDevices: { ...none, weight: [{ path: '/dev/x', weight: 10 }] } },
    'blkioWeightDevice',
    { blkioDevices: none },
    /Weight-device discarded\.$/,
  ],
  [
    { blkioDevices: { ...none, readBps: [rate], writeIops: [rate] } },
    'readBps',
    { blkioDevices: { ...none, writeIops: [rate] } },
    /Block I\/O BPS read limit discarded\.$/,
  ],
  [
    { blkioDevices: { ...none, writeIops: [rate] } },
    'writeIops',
    { blkioDevices: none },
    /Block I\/O IOPS write limit discarded\.$/,
  ],
];

for (const [asked, lacking, left, warning] of cases) {
  test(`a kernel without ${lacking}`, () => {
    const { resources, warnings } = fit(asked, [lacking]);
    assert.deepEqual(resources, { ...plain, ...asked, ...left });
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? '', warning);
    // Nobody is told of what nobody asked for, and nothing is lost where there is all.
    assert.deepEqual(fit({}, [lacking]), { resources: plain, warnings: [] });
    assert.deepEqual(fit(asked, []), { resources: { ...plain, ...asked }, warnings: [] });
  });
}

test('who turns the OOM killer off without a limit is warned', () => {
  const { resources, warnings } = fit({ oomKillDisable: true }, []);
  assert.equal(resources.oomKillDisable, true);
  assert.match(warnings[0] ?? '', /no memory limit is set/);
});
