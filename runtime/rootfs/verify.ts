import { Label, type PlanBuilder } from '../plan/builder.ts';
import {
  AT_EMPTY_PATH,
  AT_SYMLINK_NOFOLLOW,
  PROC_SUPER_MAGIC,
  STATX_BASIC_STATS,
  S_IFMT,
} from '../plan/constants.ts';
import type { Slot } from '../plan/types.ts';

/** Steps that look at what a descriptor really is. A descriptor can't be changed afterwards, as a path can. */

/** struct statx, man 2 statx. */
export const STATX_BYTES = 256;
export const STX_UID = 20;
export const STX_GID = 24;
export const STX_MODE = 28;
export const STX_RDEV_MAJOR = 128;
export const STX_RDEV_MINOR = 132;
/** struct statfs: `f_type` is its first long. */
const STATFS_BYTES = 128;

function statfs(plan: PlanBuilder, fd: Slot, label: string): number {
  const offset = plan.bytes(new Uint8Array(STATFS_BYTES));
  plan.call(label, 'fstatfs', [fd, { kind: 'blob', offset }]);
  return offset;
}

/** Fails with EPERM and this label unless the descriptor is of a procfs. */
export function expectProc(plan: PlanBuilder, fd: Slot, label: string): void {
  plan.expect(label, statfs(plan, fd, label), { value: PROC_SUPER_MAGIC, errno: 'EPERM' });
}

/** Fails with EPERM and this label if the descriptor is of a procfs. */
export function refuseProc(plan: PlanBuilder, fd: Slot, label: string): void {
  const other = new Label();
  plan.expect(label, statfs(plan, fd, label), { value: PROC_SUPER_MAGIC, onDifferent: other });
  plan.fail(label, 'EPERM');
  plan.here(other);
}

/** What `name` in a directory is, or the descriptor itself without one; a link is not followed. The offset of a struct statx. */
export function lookAt(
  plan: PlanBuilder,
  { dirfd, name = '' }: { readonly dirfd: Slot; readonly name?: string },
  label: string,
): number {
  const offset = plan.bytes(new Uint8Array(STATX_BYTES));
  const flags = AT_SYMLINK_NOFOLLOW | (name === '' ? AT_EMPTY_PATH : 0);
  plan.call(label, 'statx', [dirfd, name, flags, STATX_BASIC_STATS, { kind: 'blob', offset }]);
  return offset;
}

/** Type and permissions, for fchmodat, which takes the latter. The slot is to be freed. */
export const modeAt = (plan: PlanBuilder, status: number, label: string): Slot =>
  plan.load(label, status + STX_MODE);

/** Fails with this label unless a struct statx is of a node of this type and number. */
export function expectNode(
  plan: PlanBuilder,
  status: number,
  wanted: {
    readonly label: string;
    readonly format: number;
    readonly major: number;
    readonly minor: number;
  },
): void {
  const { label, format, major, minor } = wanted;
  plan.expect(label, status + STX_MODE, { value: format, mask: S_IFMT, errno: 'EEXIST' });
  plan.expect(label, status + STX_RDEV_MAJOR, { value: major, errno: 'EEXIST' });
  plan.expect(label, status + STX_RDEV_MINOR, { value: minor, errno: 'EEXIST' });
}
