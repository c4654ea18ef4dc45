import { readdirSync, writeSync } from 'node:fs';
import { inCall } from '../ffi/beat.ts';
import { syscallNumber } from '../ffi/numbers.ts';
import { checked, syscallShape } from '../ffi/syscall.ts';

/**
 * File system calls that Node lacks: those relative to a directory's descriptor, which is how a path stays beneath a root.
 * All of them block: they belong into workers and plan processes, not into the daemon's event loop.
 * A path is a string (UTF-8) or bytes, since a file name in Linux is any bytes but `/` and NUL.
 */
export type Path = string | Uint8Array;

export const AT_FDCWD = -100;
export const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_EMPTY_PATH = 0x1000;
const AT_REMOVEDIR = 0x200;

// The same on x86-64 and arm64; Node does not have them.
export const O_PATH = 0o10000000;
const O_CLOEXEC = 0o2000000;

/** How openat2 resolves a path (man 2 openat2). */
export const RESOLVE_NO_MAGICLINKS = 0x02;
export const RESOLVE_NO_SYMLINKS = 0x04;
export const RESOLVE_BENEATH = 0x08;
export const RESOLVE_IN_ROOT = 0x10;

export const S_IFMT = 0o170000;
export const S_IFCHR = 0o020000;
export const S_IFDIR = 0o040000;
export const S_IFBLK = 0o060000;
export const S_IFIFO = 0o010000;

/** A point in time as the kernel keeps it; `seconds` may be negative. */
export interface Timestamp {
  readonly seconds: number;
  readonly nanoseconds: number;
}

export interface FileStatus {
  /** Type and permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: Timestamp;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  /** Unique within its file system, exact up to 2^53. */
  readonly inode: number;
  /** Names that the inode has. */
  readonly links: number;
  readonly sizeBytes: number;
  /** Occupied on the disk, as `du` counts: blocks of 512 bytes. */
  readonly diskBytes: number;
}

const atPathFlags = syscallShape<[number, Uint8Array, number]>('int64_t fd, const void *path, int64_t a');
const atPathTwo = syscallShape<[number, Uint8Array, number, number]>(
  'int64_t fd, const void *path, int64_t a, int64_t b',
);
const atPathBuffer = syscallShape<[number, Uint8Array, Uint8Array, number]>(
  'int64_t fd, const void *path, void *data, int64_t a',
);
const atOwner = syscallShape<[number, Uint8Array, number, number, number]>(
  'int64_t fd, const void *path, int64_t uid, int64_t gid, int64_t flags',
);
const atTimes = syscallShape<[number, Uint8Array | null, Uint8Array, number]>(
  'int64_t fd, const void *path, const void *times, int64_t flags',
);
const atLink = syscallShape<[number, Uint8Array, number, Uint8Array, number]>(
  'int64_t from, const void *a, int64_t to, const void *b, int64_t flags',
);
const pathAtPath = syscallShape<[Uint8Array, number, Uint8Array]>('const void *a, int64_t fd, const void *b');
const pathAtPathOne = syscallShape<[Uint8Array, Uint8Array]>('const void *path, const void *name');
const atStatx = syscallShape<[number, Uint8Array, number, number, Uint8Array]>(
  'int64_t fd, const void *path, int64_t flags, int64_t mask, void *out',
);
const setXattr = syscallShape<[Uint8Array, Uint8Array, Uint8Array, number, number]>(
  'const void *path, const void *name, const void *value, int64_t size, int64_t flags',
);
const fdOnly = syscallShape<[number]>('int64_t fd');
const fdTwo = syscallShape<[number, number, number]>('int64_t fd, int64_t a, int64_t b');
const fdOne = syscallShape<[number, number]>('int64_t fd, int64_t a');

const NUL = new Uint8Array(1);
const cString = (path: Path): Uint8Array =>
  typeof path === 'string' ? Buffer.from(`${path}\0`) : Buffer.concat([path, NUL]);

/** What an error message calls a path. */
const shown = (path: Path): string => (typeof path === 'string' ? path : Buffer.from(path).toString());

/**
 * Opens `path` beneath `fd` as `resolve` says, always close-on-exec. `mode` only with O_CREAT. Linux 5.6, man 2 openat2.
 * The kernel gives up with EAGAIN when a rename races with `..`; that is retried.
 */
export function openAt2(
  fd: number,
  path: Path,
  how: { readonly flags: number; readonly mode?: number; readonly resolve: number },
): number {
  const number = syscallNumber('openat2');
  const open = new BigUint64Array([
    BigInt(how.flags | O_CLOEXEC),
    BigInt(how.mode ?? 0),
    BigInt(how.resolve),
  ]);
  const bytes = new Uint8Array(open.buffer);
  return checked('openat2', shown(path), () => {
    let result = atPathBuffer(number, fd, cString(path), bytes, bytes.byteLength);
    for (let attempt = 0; result === -11 && attempt < 64; attempt += 1) {
      result = atPathBuffer(number, fd, cString(path), bytes, bytes.byteLength);
    }
    return result;
  });
}

/** man 2 openat; close-on-exec is added. */
export function openAt(fd: number, path: Path, options: { flags: number; mode?: number }): number {
  const number = syscallNumber('openat');
  return checked('openat', shown(path), () =>
    atPathTwo(number, fd, cString(path), options.flags | O_CLOEXEC, options.mode ?? 0),
  );
}

/** man 2 mkdirat; the umask applies. */
export function mkdirAt(fd: number, path: Path, mode: number): void {
  checked('mkdirat', shown(path), () => atPathFlags(syscallNumber('mkdirat'), fd, cString(path), mode));
}

/** Makes a device or FIFO; `mode` includes the type; the umask applies. man 2 mknodat. */
export function mknodAt(
  fd: number,
  path: Path,
  node: { readonly mode: number; readonly major: number; readonly minor: number },
): void {
  // The kernel's encoding of 12 bits of major and 20 of minor (include/linux/kdev_t.h, new_encode_dev).
  const device = (node.minor & 0xff) + node.major * 0x100 + (node.minor >> 8) * 0x100000;
  checked('mknodat', shown(path), () =>
    atPathTwo(syscallNumber('mknodat'), fd, cString(path), node.mode, device),
  );
}

/** man 2 symlinkat. */
export function symlinkAt(target: Path, fd: number, path: Path): void {
  const to = cString(target);
  checked('symlinkat', shown(path), () => pathAtPath(syscallNumber('symlinkat'), to, fd, cString(path)));
}

/** What a symbolic link says, as bytes. man 2 readlinkat. */
export function readLinkAt(fd: number, path: Path): Uint8Array {
  const out = Buffer.alloc(4096);
  const length = checked('readlinkat', shown(path), () =>
    atPathBuffer(syscallNumber('readlinkat'), fd, cString(path), out, out.byteLength),
  );
  return out.subarray(0, length);
}

/** A further name for `from`, which is not followed when it is a symbolic link. man 2 linkat. */
export function linkAt(
  from: { readonly fd: number; readonly path: Path },
  to: { readonly fd: number; readonly path: Path },
): void {
  const [a, b] = [cString(from.path), cString(to.path)];
  checked('linkat', shown(to.path), () => atLink(syscallNumber('linkat'), from.fd, a, to.fd, b, 0));
}

/** Moves `from` to `to`, replacing what can be replaced. man 2 renameat. */
export function renameAt(
  from: { readonly fd: number; readonly path: Path },
  to: { readonly fd: number; readonly path: Path },
): void {
  const [a, b] = [cString(from.path), cString(to.path)];
  checked('renameat2', shown(from.path), () => atLink(syscallNumber('renameat2'), from.fd, a, to.fd, b, 0));
}

/** man 2 unlinkat; `directory` removes an empty directory. */
export function unlinkAt(fd: number, path: Path, directory = false): void {
  const flags = directory ? AT_REMOVEDIR : 0;
  checked('unlinkat', shown(path), () => atPathFlags(syscallNumber('unlinkat'), fd, cString(path), flags));
}

/** Status of `path` beneath `fd`, never following a last symbolic link; an empty path is `fd` itself. man 2 statx. */
export function statAt(fd: number, path: Path): FileStatus {
  const out = Buffer.alloc(256);
  const flags = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH;
  const basicStats = 0x7ff;
  checked('statx', shown(path), () =>
    atStatx(syscallNumber('statx'), fd, cString(path), flags, basicStats, out),
  );
  return {
    mode: out.readUInt16LE(28),
    uid: out.readUInt32LE(20),
    gid: out.readUInt32LE(24),
    mtime: { seconds: Number(out.readBigInt64LE(112)), nanoseconds: out.readUInt32LE(120) },
    deviceMajor: out.readUInt32LE(128),
    deviceMinor: out.readUInt32LE(132),
    inode: Number(out.readBigUInt64LE(32)),
    links: out.readUInt32LE(16),
    sizeBytes: Number(out.readBigUInt64LE(40)),
    diskBytes: Number(out.readBigUInt64LE(48)) * 512,
  };
}

/** man 2 fchown. */
export function fchown(fd: number, owner: { readonly uid: number; readonly gid: number }): void {
  checked('fchown', `descriptor ${fd}`, () => fdTwo(syscallNumber('fchown'), fd, owner.uid, owner.gid));
}

/** man 2 fchownat with AT_SYMLINK_NOFOLLOW. */
export function lchownAt(
  fd: number,
  path: Path,
  owner: { readonly uid: number; readonly gid: number },
): void {
  checked('fchownat', shown(path), () =>
    atOwner(syscallNumber('fchownat'), fd, cString(path), owner.uid, owner.gid, AT_SYMLINK_NOFOLLOW),
  );
}

/** man 2 fchmod. */
export function fchmod(fd: number, mode: number): void {
  checked('fchmod', `descriptor ${fd}`, () => fdOne(syscallNumber('fchmod'), fd, mode));
}

/** man 2 fchmodat: follows symbolic links. */
export function chmodAt(fd: number, path: Path, mode: number): void {
  checked('fchmodat', shown(path), () => atPathFlags(syscallNumber('fchmodat'), fd, cString(path), mode));
}

/** Sets access and modification time, not following a symbolic link; no path is `fd` itself. man 2 utimensat. */
export function setTimesAt(
  fd: number,
  path: Path | undefined,
  times: { readonly atime: Timestamp; readonly mtime: Timestamp },
): void {
  const { atime, mtime } = times;
  const values = [atime.seconds, atime.nanoseconds, mtime.seconds, mtime.nanoseconds].map(BigInt);
  const bytes = new Uint8Array(new BigInt64Array(values).buffer);
  const at = path === undefined ? null : cString(path);
  const flags = path === undefined ? 0 : AT_SYMLINK_NOFOLLOW;
  checked('utimensat', path === undefined ? `descriptor ${fd}` : shown(path), () =>
    atTimes(syscallNumber('utimensat'), fd, at, bytes, flags),
  );
}

/** Sets an extended attribute of `name` in the directory `fd`, of the symbolic link itself if it is one. man 2 lsetxattr. */
export function setXattrAt(
  fd: number,
  name: Path,
  attribute: { readonly name: Path; readonly value: Uint8Array },
): void {
  const path = Buffer.concat([Buffer.from(`/proc/self/fd/${fd}/`), cString(name)]);
  const { value } = attribute;
  checked('lsetxattr', shown(attribute.name), () =>
    setXattr(syscallNumber('lsetxattr'), path, cString(attribute.name), value, value.byteLength, 0),
  );
}

/** Sets an extended attribute of an open directory. man 2 setxattr. */
export function setXattrFd(fd: number, attribute: { readonly name: Path; readonly value: Uint8Array }): void {
  const { name, value } = attribute;
  const path = cString(`/proc/self/fd/${fd}`);
  checked('setxattr', shown(name), () =>
    setXattr(syscallNumber('setxattr'), path, cString(name), value, value.byteLength, 0),
  );
}

/** Writes back the whole file system that `fd` is on, and fails if writing back failed. man 2 syncfs, Linux 5.8 for errors. */
export function syncFileSystem(fd: number): void {
  checked('syncfs', `descriptor ${fd}`, () => fdOnly(syscallNumber('syncfs'), fd));
}

/** Writes all of `data` at `position`, or where the descriptor is. */
export function writeAll(fd: number, data: Uint8Array, position?: number): void {
  for (let done = 0; done < data.byteLength;) {
    const at = position === undefined ? null : position + done;
    done += inCall(() => writeSync(fd, data, done, data.byteLength - done, at));
  }
}

/** Gives an open file a length; what comes to it is a hole. man 2 ftruncate. */
export function truncate(fd: number, sizeBytes: number): void {
  checked('ftruncate', `descriptor ${fd}`, () => fdOne(syscallNumber('ftruncate'), fd, sizeBytes));
}

/** Removes an extended attribute of what is open; one that is not there, or can't be, is no error. man 2 fremovexattr. */
export function removeXattrFd(fd: number, name: Path): void {
  try {
    checked('removexattr', shown(name), () =>
      pathAtPathOne(syscallNumber('removexattr'), cString(`/proc/self/fd/${fd}`), cString(name)),
    );
  } catch (error) {
    if (!isErrno(error, 'ENODATA', 'EOPNOTSUPP')) throw error;
  }
}

const fdBuffer = syscallShape<[number, Uint8Array, number]>('int64_t fd, void *data, int64_t size');
const DIRENTS_BYTES = 32 * 1024;

export interface DirectoryEntry {
  /** Valid until the next entry is asked for. */
  readonly name: Uint8Array;
  /** File type bits; 0 where the file system does not say. */
  readonly kind: number;
}

/** The entries of the directory `fd` from its position on, without `.` and `..`, in constant memory. man 2 getdents64. */
export function* entriesIn(fd: number): Generator<DirectoryEntry> {
  const data = Buffer.alloc(DIRENTS_BYTES);
  for (;;) {
    const end = checked('getdents64', `descriptor ${fd}`, () =>
      fdBuffer(syscallNumber('getdents64'), fd, data, data.byteLength),
    );
    if (end === 0) return;
    for (let at = 0; at < end; at += data.readUInt16LE(at + 16)) {
      const name = data.subarray(at + 19, data.indexOf(0, at + 19));
      const isDots = name[0] === 0x2e && (name.length === 1 || (name.length === 2 && name[1] === 0x2e));
      if (!isDots) yield { name, kind: (data[at + 18] ?? 0) << 12 };
    }
  }
}

/** Names in the directory `fd`, as bytes, without `.` and `..`. */
export function namesIn(fd: number): Uint8Array[] {
  return readdirSync(`/proc/self/fd/${fd}`, { encoding: 'buffer' });
}

/**
 * Closes what a call above opened. Not `fs.closeSync`: Node warns in a worker about descriptors that it did not open itself.
 * An interrupted close has closed (man 2 close), so it is not retried.
 */
export function closeFd(fd: number): void {
  fdOnly(syscallNumber('close'), fd);
}

/** File type bits of `name` in `fd`; undefined when there is nothing. */
export function kindAt(fd: number, name: Path): number | undefined {
  try {
    return statAt(fd, name).mode & S_IFMT;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** Whether `error` is a failed system call with this errno name. */
export function isErrno(error: unknown, ...names: readonly string[]): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const name = 'errnoName' in error ? error.errnoName : 'code' in error ? error.code : undefined;
  return typeof name === 'string' && names.includes(name);
}
