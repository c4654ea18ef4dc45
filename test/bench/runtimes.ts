import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { at, broughtNode } from '../../scripts/lib/paths.ts';
import { execOk } from '../lib/process.ts';
import { findProgram } from '../lib/requires.ts';
import { warmLaunches } from './warm.ts';
import { median } from './statistics.ts';

const ROUNDS = 25;

interface Sample {
  readonly wallMs: number;
  readonly cpuMs: number;
}

export interface RuntimeRow {
  readonly what: string;
  /** Medians by program; a program that is not here is missing. */
  readonly of: Readonly<Record<string, Sample>>;
}

export interface RuntimesMeasured {
  readonly rows: readonly RuntimeRow[];
  /** An empty program of the Node that wherry-runtime starts. */
  readonly node: Sample;
  /** The same run from a process that has run before, in ms. */
  readonly warmMs: number;
}

/** How a runtime is called; `{}` stands for what is measured. */
interface Runtime {
  readonly name: string;
  readonly argv: readonly string[];
  /** Runs before, in the same mount namespace: crun takes a hybrid host's v2 mount for all there is. */
  readonly prepare?: string;
}

/**
 * wherry-runtime beside runc and crun: whole processes on one bundle with busybox, without a network, an image or a log; samples of all
 * in turn. What is measured is user and system time of the command and its children beside wall time.
 */
export async function measureRuntimes(): Promise<RuntimesMeasured> {
  const directory = await mkdtemp('/tmp/w-');
  try {
    const bundle = await makeBundle(directory);
    const runtimes = present([
      { name: 'wherry-runtime', argv: [at('bin/wherry-runtime')] },
      { name: 'runc', argv: [findProgram('runc') ?? ''] },
      {
        name: 'crun',
        argv: [findProgram('crun') ?? ''],
        prepare: 'umount -l /sys/fs/cgroup/unified 2>/dev/null',
      },
    ]);
    const rows = [
      await row('run', runtimes, { script: (runtime) => `${runtime} run --bundle ${bundle.short} b` }),
      await row('create + start + delete', runtimes, {
        script: (runtime) =>
          `{ ${runtime} create --bundle ${bundle.long} b </dev/null; ${runtime} start b; ${runtime} delete --force b; }`,
      }),
      await row('exec', runtimes, {
        before: (runtime) => `${runtime} run --detach --bundle ${bundle.long} b </dev/null`,
        script: (runtime) => `${runtime} exec b /bin/busybox true`,
        after: (runtime) => `${runtime} delete --force b`,
      }),
    ];
    const empty = join(directory, 'empty.cjs');
    await writeFile(empty, '');
    const starts = await row('start', [{ name: 'node', argv: [broughtNode()] }], {
      script: (program) => `${program} ${empty}`,
    });
    const node = starts.of['node'] ?? { wallMs: Number.NaN, cpuMs: Number.NaN };
    return { rows, node, warmMs: await warmLaunches(bundle.short, join(directory, 'warm')) };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }

  function present(all: readonly Runtime[]): Runtime[] {
    return all
      .filter(({ argv: [program] }) => program !== '')
      .map((runtime) => ({ ...runtime, argv: [...runtime.argv, '--root', join(directory, runtime.name)] }));
  }
}

/** What is timed, and what comes before and after it. */
interface Task {
  readonly before?: (runtime: string) => string;
  readonly script: (runtime: string) => string;
  readonly after?: (runtime: string) => string;
}

async function row(what: string, runtimes: readonly Runtime[], task: Task): Promise<RuntimeRow> {
  const samples = new Map<string, Sample[]>(runtimes.map(({ name }) => [name, []]));
  for (let round = -1; round < ROUNDS; round++) {
    for (const runtime of runtimes) {
      const measured = await sample(runtime, task);
      // The first round fills caches.
      if (round >= 0) samples.get(runtime.name)?.push(measured);
    }
  }
  return { what, of: Object.fromEntries([...samples].map(([name, all]) => [name, middle(all)])) };
}

/** bash times the command alone: the namespace around it and what comes before and after are not in it. */
async function sample(runtime: Runtime, { before, script, after }: Task): Promise<Sample> {
  const call = runtime.argv.join(' ');
  const lines = [
    runtime.prepare ?? 'true',
    `${before?.(call) ?? 'true'} >/dev/null 2>&1`,
    "TIMEFORMAT='%R %U %S'",
    `time ${script(call)} >/dev/null 2>&1 || exit 9`,
    `${after?.(call) ?? 'true'} >/dev/null 2>&1`,
  ];
  const printed = await execOk([
    'unshare',
    '--mount',
    '--propagation',
    'private',
    'bash',
    '-c',
    `exec 2>&1\n${lines.join('\n')}\ntrue`,
  ]);
  const [wall = Number.NaN, user = Number.NaN, system = Number.NaN] = (printed.split('\n').at(-1) ?? '')
    .split(' ')
    .map(Number);
  return { wallMs: wall * 1000, cpuMs: (user + system) * 1000 };
}

const middle = (samples: readonly Sample[]): Sample => ({
  wallMs: median(samples.map(({ wallMs }) => wallMs)),
  cpuMs: median(samples.map(({ cpuMs }) => cpuMs)),
});

async function makeBundle(directory: string): Promise<{ readonly short: string; readonly long: string }> {
  const template = JSON.parse(
    await execOk([at('bin/wherry-runtime'), 'spec', '--bundle', directory]).then(() =>
      readFile(join(directory, 'config.json'), 'utf8'),
    ),
  ) as {
    ociVersion: string;
    process: { args: string[]; terminal: boolean };
    root: { path: string };
    linux: Record<string, unknown>;
  };
  const rootfs = join(directory, 'rootfs');
  await mkdir(join(rootfs, 'bin'), { recursive: true });
  await copyFile(findProgram('busybox') ?? '', join(rootfs, 'bin/busybox'));
  const write = async (name: string, args: readonly string[]): Promise<string> => {
    const bundle = join(directory, name);
    await mkdir(bundle);
    const spec = structuredClone(template);
    spec.process = { ...spec.process, args: [...args], terminal: false };
    spec.root.path = rootfs;
    // The newest that Debian's crun knows.
    spec.ociVersion = '1.0.2';
    // Otherwise runc nests below the cgroup of whoever calls.
    spec.linux['cgroupsPath'] = `/wherry-bench-${name}`;
    await writeFile(join(bundle, 'config.json'), JSON.stringify(spec));
    return bundle;
  };
  return {
    short: await write('short', ['/bin/busybox', 'true']),
    long: await write('long', ['/bin/busybox', 'sleep', '600']),
  };
}
