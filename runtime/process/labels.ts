import type { PlanBuilder } from '../plan/builder.ts';
import { writeProcSelf } from '../plan/proc.ts';
import type { Slot } from '../plan/types.ts';
import type { Process } from '../spec.ts';

/** The profile that AppArmor puts the program under when it is executed (proc(5), `attr/exec`; before Linux 5.8 only there). */
export function setApparmorProfile(plan: PlanBuilder, process: Process, procSelf: Slot): void {
  const { apparmorProfile = '' } = process;
  if (apparmorProfile === '') return;
  writeProcSelf(plan, procSelf, {
    name: 'attr/apparmor/exec',
    fallback: 'attr/exec',
    text: `exec ${apparmorProfile}`,
    label: `apply apparmor profile "${apparmorProfile}"`,
  });
}

/** The label that SELinux gives the process when it executes the program. */
export function setSelinuxLabel(plan: PlanBuilder, process: Process, procSelf: Slot): void {
  const { selinuxLabel = '' } = process;
  if (selinuxLabel === '') return;
  const label = `set process label "${selinuxLabel}"`;
  writeProcSelf(plan, procSelf, { name: 'attr/exec', text: selinuxLabel, label });
}

/** The label of keys that are made from here on; an empty one: none. */
export function setKeyLabel(plan: PlanBuilder, procSelf: Slot, keyLabel: string): void {
  // A line end alone clears it: a write of no bytes does not reach SELinux.
  const text = keyLabel === '' ? '\n' : keyLabel;
  writeProcSelf(plan, procSelf, { name: 'attr/keycreate', text, label: `set key label "${keyLabel}"` });
}

/**
 * How willingly the kernel kills the process when memory runs out. Lowering it takes CAP_SYS_RESOURCE, which a nested daemon
 * lacks.
 */
export function adjustOomScore(plan: PlanBuilder, score: number | undefined, procSelf: Slot): void {
  if (score === undefined) return;
  writeProcSelf(plan, procSelf, {
    name: 'oom_score_adj',
    text: String(score),
    label: `set the oom score to ${score}`,
    ignore: ['EACCES'],
  });
}
