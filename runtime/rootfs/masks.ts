import { Label, type PlanBuilder } from '../plan/builder.ts';
import { MOUNT_ATTR, O_CLOEXEC, O_DIRECTORY, O_PATH, S_IFCHR } from '../plan/constants.ts';
import { openIn } from '../plan/paths.ts';
import type { Slot } from '../plan/types.ts';
import { attachMount, changeMount, cloneMount, newFileSystem } from './filesystem.ts';
import { expectNode, lookAt } from './verify.ts';

/**
 * Hides paths of /proc and /sys: /dev/null over a file, an empty read-only tmpfs over a directory. The null device is the
 * host's, cloned while the host's root is still there: the image can't put anything in its place (CVE-2025-31133).
 * A path that does not exist is skipped.
 */
export function maskPaths(plan: PlanBuilder, root: Slot, paths: readonly string[]): void {
  for (const path of paths) {
    const [absent, isFile, done] = [new Label(), new Label(), new Label()];
    const label = `mask "${path}"`;
    const target = openIn(plan, root, {
      path,
      flags: O_PATH | O_CLOEXEC,
      ignore: ['ENOENT'],
      onIgnored: absent,
      label,
    });
    const directory = plan.call(label, 'openat', [target, '.', O_PATH | O_DIRECTORY | O_CLOEXEC, 0], {
      save: true,
      ignore: ['ENOTDIR'],
      onIgnored: isFile,
    });
    const { RDONLY, NOSUID, NODEV, NOEXEC } = MOUNT_ATTR;
    plan.close(directory);
    const empty = newFileSystem(plan, {
      type: 'tmpfs',
      at: path,
      parameters: [
        ['nr_blocks', '1'],
        ['nr_inodes', '1'],
      ],
      attributes: RDONLY | NOSUID | NODEV | NOEXEC,
    });
    attachMount(plan, empty, { target, label });
    plan.close(empty);
    plan.jump(done);
    plan.here(isFile);
    const nothing = cloneMount(plan, { path: '/dev/null', recursive: false, label });
    const isNull = `${label}: "/dev/null" is not the null device`;
    const status = lookAt(plan, { dirfd: nothing }, isNull);
    expectNode(plan, status, { label: isNull, format: S_IFCHR, major: 1, minor: 3 });
    // It is the host's inode: a writable mount of it would let the container's root chmod the host's /dev/null.
    changeMount(plan, nothing, { label, set: RDONLY | NOSUID | NOEXEC });
    attachMount(plan, nothing, { target, label });
    plan.close(nothing);
    plan.here(done);
    plan.close(target);
    plan.here(absent);
  }
}

/** Binds a path onto itself, read-only. A path that does not exist is skipped. */
export function makeReadonly(plan: PlanBuilder, root: Slot, paths: readonly string[]): void {
  for (const path of paths) {
    const absent = new Label();
    const label = `make "${path}" read-only`;
    const target = openIn(plan, root, {
      path,
      flags: O_PATH | O_CLOEXEC,
      ignore: ['ENOENT'],
      onIgnored: absent,
      label,
    });
    const mount = cloneMount(plan, { dirfd: target, path: '', recursive: true, label });
    changeMount(plan, mount, { label, set: MOUNT_ATTR.RDONLY, recursive: true });
    attachMount(plan, mount, { target, label });
    plan.close(mount);
    plan.close(target);
    plan.here(absent);
  }
}
