import { Label, type PlanBuilder } from '../plan/builder.ts';
import { F_DUPFD_CLOEXEC, MOUNT_ATTR, O_CLOEXEC, O_DIRECTORY, O_PATH, S_IFCHR } from '../plan/constants.ts';
import { cleanPath, openIn } from '../plan/paths.ts';
import type { Slot } from '../plan/types.ts';
import { attachMount, changeMount, cloneMount, newFileSystem } from './filesystem.ts';
import { expectNode, lookAt } from './verify.ts';

/** Open nowhere, and no errno either. */
const NO_DESCRIPTOR = 0x7fff_ffff;

/**
 * Hides paths of /proc and /sys: /dev/null over a file, an empty read-only tmpfs over a directory, the same one over all. The null
 * device is the host's, cloned while the host's root is still there: the image can't put anything in its place (CVE-2025-31133).
 * A path that does not exist is skipped.
 */
export function maskPaths(plan: PlanBuilder, root: Slot, paths: readonly string[]): void {
  if (paths.length === 0) return;
  // The tmpfs, as soon as a directory has needed it; until then no descriptor.
  const shared = plan.load(
    'no tmpfs yet',
    plan.bytes(new Uint8Array(new Int32Array([NO_DESCRIPTOR]).buffer)),
  );
  for (const path of new Set(paths.map(cleanPath))) {
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
    plan.close(directory);
    maskDirectory(plan, target, { path, shared, label });
    plan.jump(done);
    plan.here(isFile);
    maskFile(plan, target, label);
    plan.here(done);
    plan.close(target);
    plan.here(absent);
  }
  plan.call('close the tmpfs', 'close', [shared], { ignore: ['EBADF'] });
  plan.free(shared);
}

function maskDirectory(
  plan: PlanBuilder,
  target: Slot,
  { path, shared, label }: { readonly path: string; readonly shared: Slot; readonly label: string },
): void {
  const [first, done] = [new Label(), new Label()];
  const again = cloneMount(plan, {
    dirfd: shared,
    path: '',
    recursive: false,
    label,
    call: { ignore: ['EBADF'], onIgnored: first },
  });
  attachMount(plan, again, { target, label });
  plan.close(again);
  plan.jump(done);
  plan.here(first);
  const { RDONLY, NOSUID, NODEV, NOEXEC } = MOUNT_ATTR;
  const parameters = [
    ['nr_blocks', '1'],
    ['nr_inodes', '1'],
  ] as const;
  const attributes = RDONLY | NOSUID | NODEV | NOEXEC;
  const empty = newFileSystem(plan, { type: 'tmpfs', at: path, parameters, attributes });
  attachMount(plan, empty, { target, label });
  plan.call(label, 'fcntl', [empty, F_DUPFD_CLOEXEC, 0], { into: shared });
  plan.close(empty);
  plan.here(done);
}

function maskFile(plan: PlanBuilder, target: Slot, label: string): void {
  const nothing = cloneMount(plan, { path: '/dev/null', recursive: false, label });
  const isNull = `${label}: "/dev/null" is not the null device`;
  const status = lookAt(plan, { dirfd: nothing }, isNull);
  expectNode(plan, status, { label: isNull, format: S_IFCHR, major: 1, minor: 3 });
  const { RDONLY, NOSUID, NOEXEC } = MOUNT_ATTR;
  // It is the host's inode: a writable mount of it would let the container's root chmod the host's /dev/null.
  changeMount(plan, nothing, { label, set: RDONLY | NOSUID | NOEXEC });
  attachMount(plan, nothing, { target, label });
  plan.close(nothing);
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
