import { Label, PlanBuilder } from './plan/builder.ts';
import { AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_PATH, O_RDONLY, SIGCHLD } from './plan/constants.ts';
import { openIn } from './plan/paths.ts';
import { cloneArgs } from './plan/structs.ts';
import type { Plan, Slot } from './plan/types.ts';
import { placeMonitor } from './monitor.ts';
import { mountOverlay } from './rootfs/overlay.ts';
import { isolateMounts } from './rootfs/root.ts';
import { lookAt, STX_GID, STX_MODE, STX_UID } from './rootfs/verify.ts';
import { mountHostSide, type HostSideMount } from './rootfs/volumes.ts';

/** An existing directory of the host, or what an image has at a path, resolved as in a container; nothing is copied if it has nothing. */
export type CopySource =
  { readonly directory: string } | { readonly layers: readonly string[]; readonly path: string };

export interface CopyRequest {
  readonly id: string;
  /** Of the shim. */
  readonly directory: string;
  readonly from: CopySource;
  /** An existing directory, and what is mounted there first. One that holds anything is left as it is. */
  readonly to: {
    readonly source: string;
    readonly mount?:
      Readonly<Omit<Extract<HostSideMount['what'], { kind: 'file-system' }>, 'kind'>> | undefined;
  };
  /** Mounted before all that. */
  readonly hostSide?: readonly HostSideMount[];
  readonly stagingDir: string;
}

const CLONE_NEWNS = 0x20000;
const DIRECTORY = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
const ENTRIES_BYTES = 4096;
/** Of `.` and `..` as getdents64 tells them: 24 each. */
const EMPTY_BYTES = 48;

/**
 * The plan of a process that copies a tree with owners, modes, times and attributes, in a mount namespace of its own: what it mounts
 * goes with it. Pure.
 */
export function buildCopyPlan({ id, directory, from, to, hostSide, stagingDir }: CopyRequest): Plan {
  const plan = new PlanBuilder();
  const { pid, parent } = plan.fork('fork', cloneArgs(0, SIGCHLD));
  const done = new Label();
  plan.call('set no umask', 'umask', [0]);
  plan.call('make a mount namespace', 'unshare', [CLONE_NEWNS]);
  isolateMounts(plan, { propagation: undefined, stagingDir });
  mountHostSide(plan, hostSide ?? []);
  if (to.mount !== undefined)
    mountHostSide(plan, [{ at: to.source, what: { kind: 'file-system', ...to.mount } }]);
  const target = open(plan, to.source);
  passIfEmpty(plan, target, done);
  const source = 'layers' in from ? fromImage(plan, from, { stagingDir, done }) : open(plan, from.directory);
  plan.copy(`copy to "${to.source}"`, source, target);
  takeOwner(plan, source, target);
  plan.here(done);
  plan.end();
  parent();
  plan.end();
  const monitor = { tty: false, consoleSize: undefined, stdin: 'none', log: undefined } as const;
  placeMonitor(plan, { ...monitor, id, directory, drainMs: 0, oomFile: undefined }, pid);
  return plan.build();
}

const open = (plan: PlanBuilder, path: string): Slot =>
  plan.call(`open "${path}"`, 'openat', [AT_FDCWD, path, DIRECTORY, 0], { save: true });

function passIfEmpty(plan: PlanBuilder, directory: Slot, done: Label): void {
  const label = 'look whether the volume is empty';
  const entries = { kind: 'blob', offset: plan.bytes(new Uint8Array(ENTRIES_BYTES)) } as const;
  const count = plan.bytes(new Uint8Array(8));
  const bytes = plan.call(label, 'getdents64', [directory, entries, ENTRIES_BYTES], { save: true });
  plan.store(label, bytes, count, 8);
  plan.expect(label, count, { value: EMPTY_BYTES, onDifferent: done });
}

function fromImage(
  plan: PlanBuilder,
  { layers, path }: Extract<CopySource, { readonly path: string }>,
  { stagingDir, done }: { readonly stagingDir: string; readonly done: Label },
): Slot {
  // Two layers are the least that an overlay has without an upper directory: what it is mounted on is empty.
  const root = mountOverlay(plan, { lower: [...layers, stagingDir], volatile: false }, stagingDir);
  const flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  return openIn(plan, root, { path, flags, ignore: ['ENOENT'], onIgnored: done });
}

function takeOwner(plan: PlanBuilder, source: Slot, target: Slot): void {
  const label = "take the directory's owner and mode";
  const status = lookAt(plan, { dirfd: source }, label);
  const [uid, gid, mode] = [STX_UID, STX_GID, STX_MODE].map((at) => plan.load(label, status + at));
  if (uid === undefined || gid === undefined || mode === undefined) return;
  plan.call(label, 'fchown', [target, uid, gid]);
  plan.call(label, 'fchmod', [target, mode]);
}
