import { spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, rmdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { text } from 'node:stream/consumers';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { cgroupDirectories, readCgroupLayout } from '../../../runtime/cgroup/layout.ts';
import type { LaunchRequest, MonitorConfig } from '../../../runtime/contract.ts';
import { defaultSpec } from '../../../runtime/default-spec.ts';
import { buildLaunchPlan } from '../../../runtime/launch.ts';
import { encodePlan } from '../../../runtime/plan/encode.ts';
import { explainFailure } from '../../../runtime/plan/explain.ts';
import type { Plan } from '../../../runtime/plan/types.ts';
import { DEFAULT_CAPABILITIES } from '../../../runtime/security/capabilities.ts';
import { compileSeccomp } from '../../../runtime/security/seccomp.ts';
import { defaultSeccomp } from '../../../runtime/security/seccomp-profile.ts';
import type { Spec } from '../../../runtime/spec.ts';
import { findProgram } from '../../lib/requires.ts';

/** A container of busybox on a real overlay, launched by the plan interpreter alone. */
export interface Bench {
  readonly directory: string;
  /** The image's root, for a test to change. */
  readonly lower: string;
  readonly upper: string;
  readonly request: LaunchRequest;
}

const APPLETS = [
  'cat',
  'chmod',
  'echo',
  'env',
  'false',
  'grep',
  'id',
  'ls',
  'mount',
  'ps',
  'pwd',
  'readlink',
  'sh',
  'sleep',
  'stat',
  'touch',
  'true',
  'tty',
  'umount',
  'wc',
  'stty',
];
const PLAN_RUN = fileURLToPath(new URL('../../../build/native/plan-run', import.meta.url));

export const DEFAULT_MONITOR: MonitorConfig = {
  id: 'test',
  directory: '/tmp',
  tty: false,
  consoleSize: undefined,
  stdin: 'none',
  log: undefined,
  drainMs: 100,
  oomFile: undefined,
};

/** A specification as docker would make it for `sh -c script`; `change` edits it. */
export function dockerSpec(script: string, change: (spec: Spec) => void = () => {}): Spec {
  const options = { capabilities: DEFAULT_CAPABILITIES, privileged: false, ownNetwork: true, cpus: 2 };
  const spec = defaultSpec({ ...options, shmSizeBytes: 64 << 20 });
  spec.process.args = ['sh', '-c', script];
  spec.process.env = ['PATH=/usr/bin:/bin'];
  change(spec);
  return spec;
}

/** A request that needs nothing of the system: for tests of the plan as data. */
export function pureRequest(spec: Spec): LaunchRequest {
  return {
    id: 'test',
    spec,
    rootfs: { kind: 'overlay', lower: ['/l2', '/l1'], upper: '/u', work: '/w', volatile: false },
    stagingDir: '/s',
    network: undefined,
    keeper: { kind: 'shim', monitor: DEFAULT_MONITOR },
    seccomp: undefined,
    cgroups: {
      hierarchies: ['cpu,cpuacct', 'cpuset', 'memory', 'devices', 'pids', 'blkio', 'freezer'].map(
        (names) => ({
          mountPoint: `/sys/fs/cgroup/${names}`,
          controllers: names.split(','),
        }),
      ),
      unified: '/sys/fs/cgroup/unified',
    },
  };
}

let serial = 0;

export async function makeBench(t: TestContext, spec: Spec): Promise<Bench> {
  const directory = await mkdtemp('/tmp/wr-');
  t.after(() => rm(directory, { recursive: true, force: true }));
  const [lower, upper, work, stagingDir] = ['l', 'u', 'w', 's'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
    string,
  ];
  for (const path of [join(lower, 'bin'), join(lower, 'etc'), upper, work, stagingDir])
    await mkdir(path, { recursive: true });
  await cp(findProgram('busybox') ?? '', join(lower, 'bin/busybox'));
  for (const name of APPLETS) await symlink('busybox', join(lower, 'bin', name));
  const cgroups = await readCgroupLayout();
  const parent = `/wherry-test-${process.pid}`;
  const cgroupsPath = `${parent}/${(serial += 1)}`;
  t.after(async () => {
    for (const path of cgroupDirectories(cgroups, cgroupsPath)) await removeSoon(path);
    for (const path of cgroupDirectories(cgroups, parent)) await rmdir(path).catch(() => {});
  });
  spec.linux.cgroupsPath = cgroupsPath;
  const seccomp = compileSeccomp(defaultSeccomp(spec.process.capabilities?.bounding ?? [], process.arch));
  const rootfs = { kind: 'overlay', lower: [lower], upper, work, volatile: false } as const;
  return { directory, lower, upper, request: { ...pureRequest(spec), rootfs, stagingDir, seccomp, cgroups } };
}

async function removeSoon(path: string): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    try {
      await rmdir(path);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY') return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The message of the plan's failure. */
  readonly failure: string | undefined;
}

/** Runs a plan to the end of its process, behind the words of a command that starts others. */
export async function runPlan(
  bench: Pick<Bench, 'directory' | 'request'>,
  plan: Plan = buildLaunchPlan(bench.request),
  before: readonly string[] = [],
): Promise<Ran> {
  const file = join(bench.directory, 'plan');
  await writeFile(file, encodePlan(plan));
  const none = 'ignore' as const;
  const [program, ...words] = [...before, PLAN_RUN, file];
  const child = spawn(program, words, { stdio: [none, 'pipe', 'pipe', none, none, none, 'pipe', 'pipe'] });
  const exited = new Promise<number>((resolve) => child.once('exit', (code) => resolve(code ?? -1)));
  const [report, stdout, stderr] = await Promise.all(
    [2, 6, 7].map((fd) => text(child.stdio[fd] as Readable)),
  );
  const code = await exited;
  const match = /^step (\d+) errno (\d+) ignored ([0-9a-f]+)$/m.exec(report ?? '');
  const failure =
    match === null
      ? undefined
      : explainFailure(plan, {
          step: Number(match[1]),
          errno: Number(match[2]),
          ignored: BigInt(`0x${match[3]}`),
        }).message;
  return { code, stdout: stdout ?? '', stderr: stderr ?? '', failure };
}

/** The way of most tests. */
export async function run(
  t: TestContext,
  script: string,
  change: (spec: Spec) => void = () => {},
): Promise<Ran> {
  return runPlan(await makeBench(t, dockerSpec(script, change)));
}
