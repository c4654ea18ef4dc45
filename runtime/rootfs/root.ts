import { invalidArgument } from '../../common/errors.ts';
import type { Rootfs } from '../contract.ts';
import type { PlanBuilder } from '../plan/builder.ts';
import { AT_FDCWD, AT_RECURSIVE, MNT_DETACH, MOVE_MOUNT_F_EMPTY_PATH, MS_SLAVE } from '../plan/constants.ts';
import { MOUNT_ATTR_BYTES, mountAttr } from '../plan/structs.ts';
import type { Slot } from '../plan/types.ts';
import { cloneMount } from './filesystem.ts';
import { propagationOf } from './options.ts';
import { mountOverlay } from './overlay.ts';

/** What happens in the new mount namespace no longer reaches the host's; the other way it still does. */
export function isolateMounts(plan: PlanBuilder): void {
  const attr = mountAttr({ propagation: MS_SLAVE });
  plan.call('keep mounts from the host', 'mount_setattr', [
    AT_FDCWD,
    '/',
    AT_RECURSIVE,
    attr,
    MOUNT_ATTR_BYTES,
  ]);
}

/** Mounts the container's root at `stagingDir`; the slot is a descriptor of it, from which every later path is resolved. */
export function mountRoot(plan: PlanBuilder, rootfs: Rootfs, stagingDir: string): Slot {
  if (rootfs.kind === 'overlay') return mountOverlay(plan, rootfs, stagingDir);
  const { path } = rootfs;
  const root = cloneMount(plan, { path, recursive: true, label: `bind "${path}" at "/"` });
  plan.call(`mount the root at "${stagingDir}"`, 'move_mount', [
    root,
    '',
    AT_FDCWD,
    stagingDir,
    MOVE_MOUNT_F_EMPTY_PATH,
  ]);
  return root;
}

/** How mounts spread between the container and what is mounted from it; new mounts are private unless this is given. */
export function spreadRoot(plan: PlanBuilder, propagation: string | undefined): void {
  if (propagation === undefined || propagation === '') return;
  const spread = propagationOf(propagation);
  if (spread === undefined) throw invalidArgument(`rootfsPropagation=${propagation} is not supported`);
  const flags = spread.recursive ? AT_RECURSIVE : 0;
  const attr = mountAttr({ propagation: spread.bits });
  plan.call(`make the root ${propagation}`, 'mount_setattr', [AT_FDCWD, '/', flags, attr, MOUNT_ATTR_BYTES]);
}

/** From here on nothing of the host has a path. Man 2 pivot_root, `pivot_root(".", ".")`. */
export function enterRoot(plan: PlanBuilder, root: Slot): void {
  plan.call('enter the root', 'fchdir', [root]);
  plan.call('make it the root', 'pivot_root', ['.', '.']);
  plan.call("leave the host's root", 'umount2', ['.', MNT_DETACH]);
  plan.call('enter the new root', 'chdir', ['/']);
}
