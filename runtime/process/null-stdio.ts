import { Label, type PlanBuilder } from '../plan/builder.ts';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  O_CLOEXEC,
  O_NOFOLLOW,
  O_RDWR,
  STATX_BASIC_STATS,
  S_IFCHR,
  S_IFMT,
} from '../plan/constants.ts';
import { STATX_BYTES, STX_MODE, STX_RDEV_MAJOR, STX_RDEV_MINOR } from '../rootfs/verify.ts';

/** What is not there, is not open, or may not be opened. */
const WITHOUT = ['EBADF', 'ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'ELOOP', 'ENXIO'];

/**
 * Opens the container's own /dev/null in the place of each of 0 to 2 that is the host's: that one lies in a mount of the host's, which
 * a checkpoint can't follow and the container need not hold. Where the container has none the host's stays.
 */
export function reopenNull(plan: PlanBuilder): void {
  for (const fd of [0, 1, 2]) {
    const label = `open "/dev/null" for descriptor ${fd}`;
    const done = new Label();
    expectNull(plan, { at: [fd, '', AT_EMPTY_PATH], label, otherwise: done });
    expectNull(plan, { at: [AT_FDCWD, '/dev/null', AT_SYMLINK_NOFOLLOW], label, otherwise: done });
    const own = plan.call(label, 'openat', [AT_FDCWD, '/dev/null', O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0], {
      save: true,
      ignore: WITHOUT,
      onIgnored: done,
    });
    plan.call(label, 'dup3', [own, fd, 0]);
    plan.close(own);
    plan.here(done);
  }
}

function expectNull(
  plan: PlanBuilder,
  {
    at: [dirfd, path, flags],
    label,
    otherwise: onDifferent,
  }: {
    readonly at: readonly [dirfd: number, path: string, flags: number];
    readonly label: string;
    readonly otherwise: Label;
  },
): void {
  const offset = plan.bytes(new Uint8Array(STATX_BYTES));
  plan.call(label, 'statx', [dirfd, path, flags, STATX_BASIC_STATS, { kind: 'blob', offset }], {
    ignore: WITHOUT,
    onIgnored: onDifferent,
  });
  plan.expect(label, offset + STX_MODE, { value: S_IFCHR, mask: S_IFMT, onDifferent });
  plan.expect(label, offset + STX_RDEV_MAJOR, { value: 1, onDifferent });
  plan.expect(label, offset + STX_RDEV_MINOR, { value: 3, onDifferent });
}
