import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { ask, askUnknown, type Step } from '../lib/beside-containerd/ask.ts';
import { EXPLAINED } from '../lib/beside-containerd/explained.ts';
import { STEPS } from '../lib/beside-containerd/steps.ts';
import { TASKS } from '../lib/beside-containerd/task-steps.ts';
import { busyboxArchive } from '../lib/busybox.ts';
import { startBeside, type Beside } from '../lib/ctr.ts';
import { removeCgroups } from '../lib/owned.ts';
import { requires } from '../lib/requires.ts';

const NEEDS = requires('root', 'containerd', 'ctr', 'unshare', 'busybox');

/** Services that containerd 1.7 added, and names that nobody has. */
const UNKNOWN = [
  '/containerd.services.transfer.v1.Transfer/Transfer',
  '/containerd.services.streaming.v1.Streaming/Stream',
  '/containerd.services.sandbox.v1.Store/List',
  '/containerd.services.sandbox.v1.Controller/Create',
  '/containerd.services.images.v1.Images/None',
  '/none',
];

/** Every method of every service, asked well and badly through gRPC: what ctr never sends, other clients do. */
describe("containerd's API beside a real containerd", NEEDS, () => {
  const idle = new Set(Object.keys(EXPLAINED));

  for (const [name, steps] of Object.entries(STEPS))
    test(name, async (t) => {
      const beside = await startBeside(t, { busybox: false });
      await compare(beside, steps, { idle });
    });

  test('tasks', async (t) => {
    const beside = await startBeside(t, { busybox: false });
    const archive = join(beside.bench.directory, 'busybox.tar');
    await writeFile(archive, await busyboxArchive());
    clearing(t, beside);
    // On one host both would put it into one cgroup.
    for (const client of CLIENTS) {
      for (const command of [
        `images import ${archive}`,
        'run -d --null-io docker.io/library/busybox:latest box sleep 1000',
        'containers create docker.io/library/busybox:latest bare true',
      ]) {
        const { code, stderr } = await beside[client]('-n', NAMESPACES[client], ...command.split(' '));
        assert.equal(code, 0, stderr);
      }
    }
    await compare(beside, TASKS, { idle, namespaces: NAMESPACES });
  });

  test('what there is not is not implemented, in the same words', async (t) => {
    const { addresses } = await startBeside(t, { busybox: false });
    for (const path of UNKNOWN)
      assert.equal(await askUnknown(addresses.ours, path), await askUnknown(addresses.theirs, path), path);
  });

  test('every explanation explains something', () => assert.deepEqual([...idle], []));
});

const NAMESPACES = { theirs: `of-a-${process.pid}`, ours: `of-b-${process.pid}` } as const;
const CLIENTS = ['theirs', 'ours'] as const;

/** Tasks outlive a containerd. */
function clearing(t: TestContext, beside: Beside): void {
  t.after(async () => {
    for (const client of CLIENTS) await beside[client]('-n', NAMESPACES[client], 'tasks', 'rm', '-f', 'box');
    for (const namespace of Object.values(NAMESPACES)) await removeCgroups(`/${namespace}`);
  });
}

interface How {
  /** Explanations that nothing needed so far. */
  readonly idle: Set<string>;
  readonly namespaces?: typeof NAMESPACES;
}

async function compare(
  { addresses }: Beside,
  steps: readonly Step[],
  { idle, namespaces }: How,
): Promise<void> {
  const differences: unknown[] = [];
  for (const [at, step] of steps.entries()) {
    const [expected, actual] = [
      normal(await ask(addresses.theirs, { namespace: namespaces?.theirs, ...step })),
      normal(await ask(addresses.ours, { namespace: namespaces?.ours, ...step })),
    ];
    const [theirs, ours] = [expected, actual].map((each) => JSON.stringify(each));
    if (theirs === ours) continue;
    const key = nameOf(step, at, steps);
    if (idle.delete(key)) continue;
    differences.push({ key, theirs, ours });
  }
  assert.equal(differences.length, 0, JSON.stringify(differences, undefined, 1));
}

/** The how manieth of a method it is tells one from another. */
function nameOf({ service, method }: Step, at: number, steps: readonly Step[]): string {
  const earlier = steps.slice(0, at).filter((each) => each.service === service && each.method === method);
  return `${service.typeName.split('.').at(-1)}.${method} ${earlier.length + 1}`;
}

/** Times, process ids and places are never the same. */
function normal(answer: unknown): unknown {
  const text = JSON.stringify(sorted(withoutRepeats(answer)))
    // Go's time that is none.
    .replaceAll(/,?"\w+At":\{"nanos":0,"seconds":"-62135596800"\}/g, '')
    .replaceAll(new RegExp(`of-[ab]-${process.pid}`, 'g'), '<namespace>')
    .replaceAll(/\{"nanos":\d+,"seconds":"\d+"\}/g, '"<time>"')
    .replaceAll(/"pid":[1-9]\d*/g, '"pid":"<pid>"')
    .replaceAll(/\/tmp\/[\w./-]*snapshots\/[\w/]+/g, '<directory>')
    .replaceAll(/default\/\d+\//g, '')
    .replaceAll(/\bdefault\/\d+\//g, '')
    .replaceAll(/\d+\.\d+s \(since [^)]*\)/g, '<while>');
  return JSON.parse(text) as unknown;
}

/** The last message of a conversation about content comes a second time from a real containerd, which no client reads. */
const withoutRepeats = (answer: unknown): unknown =>
  Array.isArray(answer)
    ? answer.filter((each, at) => at === 0 || JSON.stringify(each) !== JSON.stringify(answer[at - 1]))
    : answer;

const sorted = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map((each) => sorted(each))
    : value !== null && typeof value === 'object'
      ? Object.fromEntries(
          Object.entries(value)
            .toSorted(([a], [b]) => (a < b ? -1 : 1))
            .map(([key, each]) => [key, sorted(each)]),
        )
      : value;
