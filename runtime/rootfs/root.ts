import { posix } from 'node:path';
import type { Rootfs } from '../contract.ts';
import { Label, type PlanBuilder } from '../plan/builder.ts';
import {
  AT_FDCWD,
  AT_RECURSIVE,
  MNT_DETACH,
  MOVE_MOUNT_F_EMPTY_PATH,
  MS_PRIVATE,
  MS_SHARED,
  MS_SLAVE,
  MS_UNBINDABLE,
  O_CLOEXEC,
  O_DIRECTORY,
  O_PATH,
} from '../plan/constants.ts';
import { MOUNT_ATTR_BYTES, mountAttr } from '../plan/structs.ts';
import type { Slot } from '../plan/types.ts';
import { changeMount, cloneMount } from './filesystem.ts';
import { rootPropagation } from './options.ts';
import { mountOverlay } from './overlay.ts';

/**
 * What happens in the new mount namespace no longer reaches the host's; the other way it still does. Unless `rootfsPropagation` says
 * otherwise: with `shared` what the container mounts below a bind that is shared reaches the host, as with runc, but never what is
 * mounted in its root: the mount that the root is put onto becomes private first.
 */
export function isolateMounts(
  plan: PlanBuilder,
  { propagation, stagingDir }: { readonly propagation: string | undefined; readonly stagingDir: string },
): void {
  const { bits, recursive } = rootPropagation(propagation) ?? { bits: MS_SLAVE, recursive: true };
  // Unbindable mounts could not be bound into the container: that is for its own root alone.
  const before = bits === MS_UNBINDABLE ? MS_SLAVE : bits;
  const flags = recursive || before !== MS_SHARED ? AT_RECURSIVE : 0;
  const attr = mountAttr({ propagation: before });
  plan.call('keep mounts from the host', 'mount_setattr', [AT_FDCWD, '/', flags, attr, MOUNT_ATTR_BYTES]);
  if (bits === MS_SHARED) makeMountPrivate(plan, stagingDir);
}

/** The mount that a path is in: EINVAL says that the path is not its root, and that it is further up. */
function makeMountPrivate(plan: PlanBuilder, path: string): void {
  const found = new Label();
  const attr = mountAttr({ propagation: MS_PRIVATE });
  for (let at = posix.resolve(path); at !== '/'; at = posix.dirname(at)) {
    plan.call(`make the mount "${at}" private`, 'mount_setattr', [AT_FDCWD, at, 0, attr, MOUNT_ATTR_BYTES], {
      ignore: ['EINVAL'],
      onOk: found,
    });
  }
  plan.call('make the mount "/" private', 'mount_setattr', [AT_FDCWD, '/', 0, attr, MOUNT_ATTR_BYTES]);
  plan.here(found);
}

/** Mounts the container's root at `stagingDir`; the slot is a descriptor of it, from which every later path is resolved. */
export function mountRoot(plan: PlanBuilder, rootfs: Rootfs, stagingDir: string): Slot {
  if (rootfs.kind === 'overlay') return mountOverlay(plan, rootfs, stagingDir);
  const { path } = rootfs;
  const label = `bind "${path}" at "/"`;
  const root = cloneMount(plan, { path, recursive: true, label });
  // A clone of a shared mount is its peer: what is mounted in the root would be mounted in the host's directory too.
  changeMount(plan, root, { label, propagation: MS_PRIVATE });
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
  const spread = rootPropagation(propagation);
  if (spread === undefined || spread.bits === MS_PRIVATE) return;
  const flags = spread.recursive ? AT_RECURSIVE : 0;
  const attr = mountAttr({ propagation: spread.bits });
  plan.call(`make the root ${propagation}`, 'mount_setattr', [AT_FDCWD, '/', flags, attr, MOUNT_ATTR_BYTES]);
}

/** From here on nothing of the host has a path. Man 2 pivot_root, `pivot_root(".", ".")`. */
export function enterRoot(plan: PlanBuilder, root: Slot, propagation: string | undefined): void {
  const isShared = rootPropagation(propagation)?.bits === MS_SHARED;
  const flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  const old = isShared
    ? plan.call('open "/"', 'openat', [AT_FDCWD, '/', flags, 0], { save: true })
    : undefined;
  plan.call('enter the root', 'fchdir', [root]);
  plan.call('make it the root', 'pivot_root', ['.', '.']);
  if (old !== undefined) {
    // Unmounting would reach the host.
    changeMount(plan, old, { label: "keep the host's mounts", propagation: MS_SLAVE, recursive: true });
    plan.close(old);
  }
  plan.call("leave the host's root", 'umount2', ['.', MNT_DETACH]);
  plan.call('enter the new root', 'chdir', ['/']);
}

/**
 * For a host whose root is the initial ramfs, which can't be pivoted away from: the root is moved over it. The host's /proc and /sys
 * go first, so that a container in a user namespace can't make new ones of their like (fs/namespace.c, mount_too_revealing).
 */
export function enterRootWithoutPivot(plan: PlanBuilder, root: Slot): void {
  const ignore = ['EINVAL', 'ENOENT', 'EPERM'];
  const alone = (path: string, flags: number): void => {
    const attr = mountAttr({ propagation: MS_PRIVATE });
    const label = `keep the host's "${path}"`;
    plan.call(label, 'mount_setattr', [AT_FDCWD, path, flags, attr, MOUNT_ATTR_BYTES], { ignore });
  };
  plan.call('enter the root', 'fchdir', [root]);
  alone('/', 0);
  for (const path of ['/proc', '/sys']) {
    // There may be several, one over the other.
    const [again, gone] = [new Label(), new Label()];
    plan.here(again);
    alone(path, AT_RECURSIVE);
    plan.call(`leave "${path}" of the host`, 'umount2', [path, MNT_DETACH], {
      ignore,
      onOk: again,
      onIgnored: gone,
    });
    plan.here(gone);
  }
  plan.call('move the root', 'move_mount', [root, '', AT_FDCWD, '/', MOVE_MOUNT_F_EMPTY_PATH]);
  plan.call('make it the root', 'chroot', ['.']);
  plan.call('enter the new root', 'chdir', ['/']);
}
