import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cgroupVersion } from '../lib/requires.ts';
import { clients, daemonSuite } from '../lib/suite.ts';

const MIB = 1024 * 1024;

type Limit = readonly [flags: readonly string[], file: string, value: string];

const LIMITS_V1: readonly Limit[] = [
  [['-m', '64m'], 'memory/memory.limit_in_bytes', String(64 * MIB)],
  [['-m', '64m', '--memory-reservation', '32m'], 'memory/memory.soft_limit_in_bytes', String(32 * MIB)],
  [['--cpus', '1.5'], 'cpu/cpu.cfs_quota_us', '150000'],
  [['--cpus', '1.5'], 'cpu/cpu.cfs_period_us', '100000'],
  [['-c', '512'], 'cpu/cpu.shares', '512'],
  [['--cpu-quota', '50000', '--cpu-period', '200000'], 'cpu/cpu.cfs_period_us', '200000'],
  [['--cpuset-cpus', '0'], 'cpuset/cpuset.cpus', '0'],
  [['--cpuset-mems', '0'], 'cpuset/cpuset.mems', '0'],
  [['--pids-limit', '77'], 'pids/pids.max', '77'],
  [[], 'pids/pids.max', 'max'],
];

const LIMITS_V2: readonly Limit[] = [
  [['-m', '64m'], 'memory.max', String(64 * MIB)],
  [['-m', '64m'], 'memory.swap.max', String(64 * MIB)],
  [['-m', '64m', '--memory-swap', '64m'], 'memory.swap.max', '0'],
  [['-m', '64m', '--memory-reservation', '32m'], 'memory.low', String(32 * MIB)],
  [['--cpus', '1.5'], 'cpu.max', '150000 100000'],
  [['-c', '1024'], 'cpu.weight', '100'],
  [['--cpu-quota', '50000', '--cpu-period', '200000'], 'cpu.max', '50000 200000'],
  [['--cpuset-cpus', '0'], 'cpuset.cpus', '0'],
  [['--cpuset-mems', '0'], 'cpuset.mems', '0'],
  [['--pids-limit', '77'], 'pids.max', '77'],
  [[], 'pids.max', 'max'],
];

daemonSuite('limits', (daemon) => {
  const limits = cgroupVersion() === 1 ? LIMITS_V1 : LIMITS_V2;
  for (const [flags, file, value] of limits) {
    test(`${flags.join(' ')} sets ${file}`, async () => {
      const out = await daemon().dockerOk(
        'run',
        '--rm',
        ...flags,
        'busybox',
        'cat',
        `/sys/fs/cgroup/${file}`,
      );
      assert.equal(out, value);
    });
  }

  for (const client of clients) {
    test(`${client}: what passes the memory limit is killed, and inspect says so`, async () => {
      const hog = ['sh', '-c', 'head -c 200m /dev/zero | tail'];
      const result = await daemon().run(client, 'run', '--name', 'hog', '-m', '20m', 'busybox', ...hog);
      assert.equal(result.code, 137, result.stderr);
      assert.equal(await daemon().dockerOk('inspect', '-f', '{{.State.OOMKilled}}', 'hog'), 'true');
    });

    test(`${client}: -m and --cpus are shown by inspect`, async () => {
      const id = await daemon().runOk(client, 'create', '-m', '64m', '--cpus', '0.5', 'busybox', 'true');
      const format = '{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.NanoCpus}}';
      const shown = (await daemon().runOk(client, 'inspect', '-f', format, id)).split(' ').map(Number);
      assert.deepEqual([shown[0], shown[2]], [64 * MIB, 500_000_000]);
    });
  }

  test('the fork bomb stops at the pids limit', async () => {
    const script = 'i=0; while [ $i -lt 50 ]; do sleep 5 & i=$((i+1)); done; echo not reached';
    const result = await daemon().docker('run', '--rm', '--pids-limit', '10', 'busybox', 'sh', '-c', script);
    assert.match(result.stderr, /can't fork/);
  });

  const refused: readonly (readonly [flags: readonly string[], text: RegExp])[] = [
    [['-m', '1m'], /Minimum memory limit allowed is 6MB/],
    [['-m', '64m', '--memory-swap', '32m'], /Minimum memoryswap limit should be larger than memory limit/],
    [['--cpus', '1000'], /range of CPUs is from 0\.01 to/i],
    [['--cpuset-cpus', '99'], /Requested CPUs are not available/],
    [['--memory-swap', '64m'], /You should always set the Memory limit when using Memoryswap limit/],
  ];
  for (const [flags, text] of refused) {
    test(`${flags.join(' ')} is refused`, async () => {
      const result = await daemon().docker('create', ...flags, 'busybox', 'true');
      assert.equal(result.code, 1);
      assert.match(result.stderr, text);
    });
  }
});
