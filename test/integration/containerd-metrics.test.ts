import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { startTasks } from '../lib/ctr-tasks.ts';
import { eventually } from '../lib/process.ts';
import { requires } from '../lib/requires.ts';

const NEEDS = requires('root', 'containerd', 'ctr', 'unshare', 'busybox', 'cgroup-v2');
const LIMITS = ['--memory-limit', String(32 << 20), '--cpu-quota', '20000', '--cpu-period', '100000'];
/** Leaves traces in all files: a process that is killed for its memory, a file that is written, moments without a processor. */
const SCRIPT =
  'head -c 100m /dev/zero | tail > /dev/null; cat /bin/busybox > /tmp/copy; sync; exec sleep 1000';
const IO = ['major', 'minor', 'rbytes', 'wbytes', 'rios', 'wios'];
/** The largest of 64 bits, as near as a number comes. */
const NONE = 2 ** 64;

type Numbers = Readonly<Record<string, number>>;

/** As ctr prints the message of version 2: without what is 0. */
interface Measured {
  readonly pids: Numbers;
  readonly cpu: Numbers;
  readonly memory: Numbers;
  readonly memory_events: Numbers;
  readonly io: { readonly usage?: readonly Numbers[] };
  readonly hugetlb?: readonly { readonly pagesize: string; readonly max: number }[];
}

test('metrics of version 2 are those of a real containerd, and what the kernel has', NEEDS, async (t) => {
  const { bench, ours, theirs } = await startTasks(t);
  await using ending = new AsyncDisposableStack();
  const begin = async (ask: typeof ours): Promise<string> => {
    const { code, stderr } = await ask(
      ...['run', '-d', ...LIMITS, '--rootfs', bench.rootfs, 'box'],
      ...['/bin/sh', '-c', SCRIPT],
    );
    assert.equal(code, 0, stderr);
    // Before the cgroups are taken away.
    ending.defer(async () => void (await ask('tasks', 'rm', '-f', 'box')));
    const pid = /^box\s+(\d+)/m.exec((await ask('tasks', 'ls')).stdout)?.[1] ?? '';
    await eventually('it sleeps', async () =>
      (await readFile(`/proc/${pid}/cmdline`, 'utf8')).startsWith('sleep'),
    );
    return pid;
  };
  const measure = async (ask: typeof ours): Promise<Measured> =>
    JSON.parse((await ask('tasks', 'metrics', '--format', 'json', 'box')).stdout) as Measured;
  await begin(theirs);
  const expected = await measure(theirs);
  const pid = await begin(ours);
  const actual = await measure(ours);
  assert.deepEqual(Object.keys(actual), Object.keys(expected));
  const settled = ({ pids, memory, memory_events: events, hugetlb = [] }: Measured): unknown => [
    ...[pids, memory['usage_limit'], memory['swap_limit'], events['oom_kill']],
    hugetlb.toSorted((one, other) => (one.pagesize < other.pagesize ? -1 : 1)),
  ];
  assert.deepEqual(settled(actual), settled(expected));
  assert.deepEqual(actual.pids, { current: 1, limit: NONE });
  // It sleeps: its files say the same until the kernel looks at them once more.
  const names = (part: 'cpu' | 'memory' | 'memory_events'): string[] =>
    Object.keys({ ...expected[part], ...actual[part] }).filter(
      (name) => !/^(swap_limit|(swap_)?usage(_limit)?)$/.test(name),
    );
  await eventually('the kernel says the same', async () => {
    const [files, told] = [await filesOf(pid), await measure(ours)];
    for (const part of ['cpu', 'memory', 'memory_events'] as const)
      for (const name of names(part)) if ((told[part][name] ?? 0) !== files[part].get(name)) return undefined;
    const devices = told.io.usage?.map((each) => IO.map((name) => each[name] ?? 0)) ?? [];
    return files.current === told.memory['usage'] && isDeepStrictEqual(devices, files.io) ? true : undefined;
  });
});

/** What the cgroup of a process has in its files. */
async function filesOf(pid: string) {
  const path = (await readFile(`/proc/${pid}/cgroup`, 'utf8')).trim().replace(/^0::/, '');
  const read = (name: string): Promise<string> => readFile(`/sys/fs/cgroup${path}/${name}`, 'utf8');
  const counts = async (name: string): Promise<ReadonlyMap<string, number>> =>
    new Map(
      [...(await read(name)).matchAll(/^(\S+) (\d+)$/gm)].map(([, key = '', count]) => [key, Number(count)]),
    );
  return {
    cpu: await counts('cpu.stat'),
    memory: await counts('memory.stat'),
    memory_events: await counts('memory.events'),
    current: Number(await read('memory.current')),
    io: [
      ...(await read('io.stat')).matchAll(/^(\d+):(\d+) rbytes=(\d+) wbytes=(\d+) rios=(\d+) wios=(\d+)/gm),
    ].map(([, ...counts]) => counts.map(Number)),
  };
}
