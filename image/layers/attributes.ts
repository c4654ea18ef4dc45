import {
  chmodAt,
  fchmod,
  fchown,
  isErrno,
  lchownAt,
  removeXattrFd,
  setTimesAt,
  setXattrAt,
  setXattrFd,
  type Timestamp,
} from '../../native/sys/files.ts';
import type { TarEntry } from '../tar/entry.ts';

export const OPAQUE_XATTR = { name: 'trusted.overlay.opaque', value: Buffer.from('y') } as const;

/** A place in a layer: a name in an open directory. */
export interface Place {
  readonly fd: number;
  /** Byte string without a slash. */
  readonly name: string;
}

export const bytesOf = (name: string): Uint8Array => Buffer.from(name, 'latin1');

/** What a new file or directory got when it was made. */
export interface Birth {
  /** Owner root and group root. */
  readonly rootOwned: boolean;
  /** Permission bits. */
  readonly mode: number | undefined;
  /** May have got ACLs from the directory that it lies in, which are not its own. */
  readonly inherited: boolean;
}

/** Of what was there already: nothing is known. */
export const UNKNOWN: Birth = { rootOwned: false, mode: undefined, inherited: true };

/**
 * Gives what is open at `fd` the owner, mode, attributes and times of `entry`, in this order: a change of the owner clears setuid
 * and capabilities, and every change but that of the times is one of them. What it was born with is not said again: each call costs
 * the kernel more than all of JavaScript here.
 */
export function setAttributes(fd: number, entry: TarEntry, birth: Birth = UNKNOWN): void {
  if (!birth.rootOwned || entry.uid !== 0 || entry.gid !== 0) fchown(fd, entry);
  if (birth.inherited) for (const name of ACLS) removeXattrFd(fd, name);
  if (birth.mode !== entry.mode) fchmod(fd, entry.mode);
  setXattrs(entry, (attribute) => setXattrFd(fd, attribute));
  setTimesAt(fd, undefined, entry);
}

export const DEFAULT_ACL = 'system.posix_acl_default';
const ACLS = ['system.posix_acl_access', DEFAULT_ACL];

/** The same for a symbolic link, a device or a FIFO, which can't be opened for it. A symbolic link has no mode. */
export function setAttributesAt(place: Place, entry: TarEntry, { rootOwned }: Birth): void {
  const name = bytesOf(place.name);
  if (!rootOwned || entry.uid !== 0 || entry.gid !== 0) lchownAt(place.fd, name, entry);
  // Only for what was just made here, in a directory that nobody else can reach: it is no symbolic link.
  if (entry.type !== 'symlink') chmodAt(place.fd, name, entry.mode);
  setXattrs(entry, (attribute) => setXattrAt(place.fd, name, attribute));
  setTimesAt(place.fd, name, entry);
}

/** UTIME_OMIT. */
const LEFT_AS_IT_IS: Timestamp = { seconds: 0, nanoseconds: 0x3ffffffe };

export function restoreMtime(fd: number, mtime: Timestamp): void {
  setTimesAt(fd, undefined, { atime: LEFT_AS_IT_IS, mtime });
}

type Attribute = Parameters<typeof setXattrFd>[1];

/** What the file system can't keep is left out, as in docker. */
function setXattrs(entry: TarEntry, set: (attribute: Attribute) => void): void {
  if (entry.xattrs.size === 0) return;
  for (const [name, value] of entry.xattrs) {
    if (isOverlays(name)) continue;
    try {
      set({ name: bytesOf(name), value: bytesOf(value) });
    } catch (error) {
      if (!isErrno(error, 'EOPNOTSUPP', 'ENOTSUP', 'EPERM')) throw error;
    }
  }
}

/** Attributes that overlayfs acts on: an image must not redirect or hide what lies below but by whiteouts. */
export const isOverlays = (name: string): boolean =>
  name.startsWith('trusted.overlay.') || name.startsWith('user.overlay.');
