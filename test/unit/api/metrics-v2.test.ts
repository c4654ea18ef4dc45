import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromBinary, toJson } from '@bufbuild/protobuf';
import { metricsToAny } from '../../../daemon/api/containerd/convert/metrics.ts';
import { MetricsSchema } from '../../../daemon/api/containerd/gen/containerd/cgroups/v2/metrics_pb.ts';

const MAX = 2n ** 64n - 1n;

test("a version 2 cgroup's files, in containerd's message", () => {
  const { typeUrl, value } = metricsToAny({
    version: '2',
    counts: {
      pids: { current: 3, max: MAX },
      cpu: new Map([
        ['usage_usec', 30],
        ['throttled_usec', 7],
        ['nr_bursts', 1],
      ]),
      memory: {
        stat: new Map<string, number | bigint>([
          ['slab_reclaimable', 5],
          ['pgfault', 2n ** 60n],
        ]),
        events: new Map([
          ['oom_kill', 2],
          ['oom_group_kill', 1],
        ]),
        ...{ current: 4096, max: MAX, swapCurrent: 1, swapMax: 0 },
      },
      io: [
        [
          '254:1',
          new Map([
            ['rbytes', 10],
            ['wios', 2],
            ['dbytes', 3],
          ]),
        ],
        ['8:0', new Map([['rios', 1]])],
      ],
      rdma: {
        current: [
          [
            'mlx',
            new Map([
              ['hca_handle', 2],
              ['hca_object', 9],
            ]),
          ],
        ],
        max: [
          [
            'mlx',
            new Map<string, number | bigint>([
              ['hca_handle', MAX],
              ['hca_object', 20],
            ]),
          ],
        ],
      },
      hugetlb: [{ pagesize: '2MB', current: 1, max: MAX }],
    },
  });
  assert.equal(typeUrl, 'io.containerd.cgroups.v2.Metrics');
  assert.deepEqual(toJson(MetricsSchema, fromBinary(MetricsSchema, value)), {
    pids: { current: '3', limit: String(MAX) },
    cpu: { usageUsec: '30', throttledUsec: '7' },
    memory: {
      ...{ slabReclaimable: '5', pgfault: String(2n ** 60n) },
      ...{ usage: '4096', usageLimit: String(MAX), swapUsage: '1' },
    },
    memoryEvents: { oomKill: '2' },
    io: {
      usage: [
        { major: '254', minor: '1', rbytes: '10', wios: '2' },
        { major: '8', rios: '1' },
      ],
    },
    rdma: {
      current: [{ device: 'mlx', hcaHandles: 2, hcaObjects: 9 }],
      limit: [{ device: 'mlx', hcaHandles: 2 ** 32 - 1, hcaObjects: 20 }],
    },
    hugetlb: [{ current: '1', max: String(MAX), pagesize: '2MB' }],
  });
});
