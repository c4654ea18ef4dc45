import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { CgroupPlace } from '../../runtime/cgroup/contract.ts';
import { createCgroups } from '../../runtime/cgroup/create.ts';
import { cgroupDirectories, readCgroupLayout } from '../../runtime/cgroup/layout.ts';
import { limitCgroups } from '../../runtime/cgroup/limits.ts';
import { kill, remove } from '../../runtime/cgroup/live/processes.ts';
import { PlanBuilder } from '../../runtime/plan/builder.ts';
import { encodePlan } from '../../runtime/plan/encode.ts';
import { explainFailure } from '../../runtime/plan/explain.ts';
import type { Plan } from '../../runtime/plan/types.ts';
import type { Resources } from '../../runtime/spec.ts';

const PLAN_RUN = fileURLToPath(new URL('../../build/native/plan-run', import.meta.url));

/** Runs a plan to its end; the message of its failure. */
export async function runPlan(plan: Plan): Promise<string | undefined> {
  const directory = await mkdtemp('/tmp/wcg-');
  try {
    await writeFile(join(directory, 'plan'), encodePlan(plan));
    const child = spawn(PLAN_RUN, [join(directory, 'plan')], { stdio: ['ignore', 'ignore', 'pipe'] });
    let report = '';
    child.stderr.on('data', (data: Buffer) => (report += data.toString()));
    await once(child, 'close');
    const match = /^step (\d+) errno (\d+)/m.exec(report);
    if (match === null) return undefined;
    const failure = { step: Number(match[1]), errno: Number(match[2]), ignored: 0n };
    return explainFailure(plan, failure).message;
  } finally {
    await rm(directory, { recursive: true });
  }
}

let serial = 0;

/** A place of its own, emptied and removed at the test's end, below each hierarchy, or below the version 2 one alone. */
export async function placeOfTest(t: TestContext, side: 'all' | 'v2' = 'all'): Promise<CgroupPlace> {
  const whole = await readCgroupLayout();
  const layout = side === 'all' ? whole : { ...whole, hierarchies: [] };
  const place = { layout, path: `/wherry-test-${process.pid}-${(serial += 1)}/c` };
  t.after(async () => {
    await kill(place);
    await remove({ layout, path: place.path.replace(/\/c$/, '') });
  });
  return place;
}

/** Makes and limits a place's cgroups by a plan; the message of its failure. */
export async function makeCgroups(
  place: CgroupPlace,
  resources: Resources = {},
): Promise<string | undefined> {
  const plan = new PlanBuilder();
  createCgroups(plan, place.layout, place.path);
  limitCgroups(plan, { ...place, resources });
  plan.end();
  return runPlan(plan.build());
}

/** A program in the place's cgroups. */
export async function startIn(t: TestContext, place: CgroupPlace, script: string): Promise<ChildProcess> {
  const child = spawn('sh', ['-c', `read go; ${script}`], { stdio: ['pipe', 'pipe', 'ignore'] });
  t.after(() => child.kill('SIGKILL'));
  for (const directory of cgroupDirectories(place.layout, place.path))
    writeFileSync(`${directory}/cgroup.procs`, String(child.pid));
  child.stdin?.write('go\n');
  return child;
}

/** A script that writes to its own cgroups in every way there is; what works says `could`, the rest `refused`. */
export const CGROUP_ATTACK = `
attempt() { if sh -c "$1" 2>/dev/null; then echo "could: $1"; else echo refused; fi; }
for d in /sys/fs/cgroup /sys/fs/cgroup/pids /sys/fs/cgroup/memory /sys/fs/cgroup/unified; do
  [ -d $d ] || continue
  attempt "echo 7 > $d/pids.max"
  attempt "echo 0 > $d/cgroup.procs"
  attempt "echo /x > $d/release_agent"
  attempt "mkdir $d/below && rmdir $d/below"
  attempt "mount -o remount,rw $d"
done`;
