import type { PlanBuilder } from '../plan/builder.ts';
import { AT_FDCWD, MOVE_MOUNT_F_EMPTY_PATH, O_CLOEXEC, O_PATH } from '../plan/constants.ts';
import { mountOverlay } from './overlay.ts';

/** What is mounted on a directory of the host, in the container's mount namespace alone, before anything is bound from there. */
export type HostSideMount = NamedMount | OpenMount;

/** A mount that a process, which lives until then, has open and attached nowhere. */
export interface OpenMount {
  /** An existing directory. */
  readonly at: string;
  readonly what: { readonly kind: 'open'; readonly pid: number; readonly fd: number };
}

export interface NamedMount {
  /** An existing directory. */
  readonly at: string;
  readonly what:
    | {
        readonly kind: 'file-system';
        readonly type: string;
        readonly device: string;
        /** MS_*. */
        readonly flags: number;
        readonly data: string;
      }
    /** Read-only, topmost first. */
    | { readonly kind: 'layers'; readonly layers: readonly string[] };
}

/** The mounts of volumes and images: nothing of them is the host's, so nothing is left of them either. Fails with docker's texts. */
export function mountHostSide(plan: PlanBuilder, mounts: readonly HostSideMount[]): void {
  for (const { at, what } of mounts) {
    if (what.kind === 'layers') {
      // An overlay without an upper directory has two layers at least: what it is mounted on is empty.
      plan.close(mountOverlay(plan, { lower: [...what.layers, at], volatile: false }, at));
      continue;
    }
    if (what.kind === 'open') {
      attachOpen(plan, at, what);
      continue;
    }
    const { type, device, flags, data } = what;
    const shown = data === '' ? '' : `, data: ${data}`;
    const label =
      `error while mounting volume '${at}': failed to mount local volume: ` +
      `mount ${device}:${at}, flags: 0x${flags.toString(16)}${shown}`;
    plan.call(label, 'mount', [device, at, type, flags, data]);
  }
}

function attachOpen(plan: PlanBuilder, at: string, { pid, fd }: OpenMount['what']): void {
  const path = `/proc/${pid}/fd/${fd}`;
  const mount = plan.call(`take the mount of "${at}"`, 'openat', [AT_FDCWD, path, O_PATH | O_CLOEXEC, 0], {
    save: true,
  });
  plan.call(`mount "${at}"`, 'move_mount', [mount, '', AT_FDCWD, at, MOVE_MOUNT_F_EMPTY_PATH]);
  plan.close(mount);
}
