import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cgroupVersion } from '../lib/requires.ts';
import { rest } from '../lib/rest.ts';
import { clients, daemonSuite } from '../lib/suite.ts';

const MIB = 1024 * 1024;

type Limit = readonly [flags: readonly string[], file: string, value: string];

const LIMITS: readonly Limit[] =
  cgroupVersion() === 1
    ? [
        [['-m', '64m'], 'memory/memory.limit_in_bytes', String(64 * MIB)],
        [['--memory-reservation', '32m'], 'memory/memory.soft_limit_in_bytes', String(32 * MIB)],
        [['-m', '200m', '--memory-swap', '300m'], 'memory/memory.limit_in_bytes', String(200 * MIB)],
        [['--cpus', '1.5'], 'cpu/cpu.cfs_quota_us', '150000'],
        [['-c', '512'], 'cpu/cpu.shares', '512'],
        [['--cpuset-cpus', '0'], 'cpuset/cpuset.cpus', '0'],
        [['--pids-limit', '77'], 'pids/pids.max', '77'],
        [['--pids-limit', '-1'], 'pids/pids.max', 'max'],
      ]
    : [
        [['-m', '64m'], 'memory.max', String(64 * MIB)],
        [['--memory-reservation', '32m'], 'memory.low', String(32 * MIB)],
        [['-m', '200m', '--memory-swap', '300m'], 'memory.swap.max', String(100 * MIB)],
        [['--cpus', '1.5'], 'cpu.max', '150000 100000'],
        [['-c', '1024'], 'cpu.weight', '100'],
        [['--cpuset-cpus', '0'], 'cpuset.cpus', '0'],
        [['--pids-limit', '77'], 'pids.max', '77'],
        [['--pids-limit', '-1'], 'pids.max', 'max'],
      ];

daemonSuite('update', (daemon) => {
  const isPeer = process.env['WHERRY_TEST_PEER'] === '1';
  const shown = (id: string, field: string): Promise<string> =>
    daemon().dockerOk('inspect', '-f', `{{.HostConfig.${field}}}`, id);
  const inside = (id: string, file: string): Promise<string> =>
    daemon().dockerOk('exec', id, 'cat', `/sys/fs/cgroup/${file}`);
  const run = (...flags: string[]): Promise<string> =>
    daemon().dockerOk('run', '-d', ...flags, 'busybox', 'sleep', '1000');

  for (const client of clients) {
    test(`${client} update: each limit holds at once`, async () => {
      const id = await run('-m', '100m');
      for (const [flags, file, value] of LIMITS) {
        assert.equal(await daemon().runOk(client, 'update', ...flags, id), id);
        assert.equal(await inside(id, file), value, flags.join(' '));
      }
      const fields =
        '{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.NanoCpus}} {{.HostConfig.CpuShares}}';
      const [memory, swap, cpus] = (await daemon().dockerOk('inspect', '-f', fields, id))
        .split(' ')
        .map(Number);
      assert.deepEqual([memory, swap, cpus], [200 * MIB, 300 * MIB, 1_500_000_000]);
    });

    test(`${client} update: refusals`, async () => {
      const id = await run('--cpus', '0.5', '-m', '64m');
      const table: readonly (readonly [readonly string[], RegExp])[] = [
        [['--cpu-quota', '50000'], /CPU Quota cannot be updated as NanoCPUs has already been set/],
        [['-m', '500m'], /update the memoryswap at the same time/],
        [['-m', '1m'], /Minimum memory limit allowed is 6MB/],
        [['--cpuset-cpus', '99'], /Requested CPUs are not available/],
        [['--restart', 'sometimes'], /invalid restart policy/],
        [[], /you must provide one or more flags/],
      ];
      for (const [flags, text] of table) {
        const result = await daemon().run(client, 'update', ...flags, id);
        assert.equal(result.code, 1, flags.join(' '));
        assert.match(result.stderr, text);
      }
      assert.equal(await shown(id, 'Memory'), String(64 * MIB));
      assert.match(
        (await daemon().run(client, 'update', '-m', '64m', 'nosuch')).stderr,
        /No such container: nosuch/,
      );
    });
  }

  test('one that does not run has it at its next start, and after a restart of the daemon', async () => {
    const id = await daemon().dockerOk('create', '-m', '64m', 'busybox', 'sleep', '1000');
    await daemon().dockerOk('update', '--pids-limit', '44', '-m', '32m', '--restart', 'on-failure:3', id);
    // Its containerd outlives it, and holds the next one up.
    if (!isPeer) {
      await daemon().kill9();
      await daemon().restart();
    }
    assert.equal(await shown(id, 'PidsLimit'), '44');
    assert.equal(await shown(id, 'Memory'), String(32 * MIB));
    assert.equal(await shown(id, 'RestartPolicy'), '{on-failure 3}');
    await daemon().dockerOk('start', id);
    assert.equal(await inside(id, LIMITS.at(-1)?.[1] ?? ''), '44');
  });

  test('what cannot be changed is named; the event is there', async () => {
    const since = String(Date.now() / 1000);
    const id = await run();
    const post = (body: unknown) => rest(daemon().socket, 'POST', { path: `/containers/${id}/update`, body });
    const zeros = await post({
      PidsLimit: 9,
      Devices: null,
      Ulimits: [],
      CgroupParent: '',
      OomKillDisable: false,
    });
    assert.equal(zeros.status, 200, zeros.text);
    assert.deepEqual(Object.keys(zeros.json<object>()), ['Warnings']);
    if (!isPeer) {
      const dropped = await post({ Devices: [{ PathOnHost: '/dev/null' }], KernelMemory: 64 << 20 });
      const Warnings = ['Devices cannot be updated. Devices discarded.'];
      assert.deepEqual([dropped.status, dropped.json()], [200, { Warnings }]);
    }
    const until = String(Date.now() / 1000 + 0.2);
    const flags = ['--since', since, '--until', until, '-f', 'event=update', '--format', '{{.ID}}'];
    // Each request that is answered is one.
    assert.deepEqual((await daemon().dockerOk('events', ...flags)).split('\n'), isPeer ? [id] : [id, id]);
  });
});
