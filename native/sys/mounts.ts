import { constants as fs } from 'node:fs';
import { posix } from 'node:path';
import { syscallNumber } from '../ffi/numbers.ts';
import { checked, syscallShape } from '../ffi/syscall.ts';
import { AT_FDCWD, closeFd, isErrno, openAt } from './files.ts';

/** Mounts that one worker thread sees alone. All of it blocks. Numbers: linux/mount.h, linux/sched.h, linux/magic.h. */
const CLONE_NEWNS = 0x20000;
const MS_REC = 0x4000;
const MS_SLAVE = 0x80000;
const MNT_DETACH = 2;
const OPEN_TREE_CLONE = 1;
const O_CLOEXEC = 0o2000000;
const AT_EMPTY_PATH = 0x1000;
const AT_RECURSIVE = 0x8000;
const MOVE_MOUNT_F_EMPTY_PATH = 4;
const MOVE_MOUNT_T_EMPTY_PATH = 0x40;
const MOUNT_ATTR_RDONLY = 1;
const FSOPEN_CLOEXEC = 1;
const FSMOUNT_CLOEXEC = 1;
const SET_FLAG = 0;
const SET_STRING = 1;
const CMD_CREATE = 6;
const ST_RDONLY = 1;
/** mount(2) copies a page of data, the last byte of it a NUL. */
const DATA_BYTES = 4095;

const one = syscallShape<[number]>('int64_t a');
const two = syscallShape<[number, number]>('int64_t a, int64_t b');
const path1 = syscallShape<[string]>('const char *path');
const pathFlags = syscallShape<[string, number]>('const char *path, int64_t flags');
const mountShape = syscallShape<[string, string, string, number, string]>(
  'const char *source, const char *target, const char *type, int64_t flags, const char *data',
);
const configure = syscallShape<[number, number, string | null, string | null, number]>(
  'int64_t fd, int64_t command, const char *key, const char *value, int64_t aux',
);
const three = syscallShape<[number, number, number]>('int64_t a, int64_t b, int64_t c');
const atPath = syscallShape<[number, string, number]>('int64_t fd, const char *path, int64_t flags');
const move = syscallShape<[number, string, number, string, number]>(
  'int64_t from, const char *a, int64_t to, const char *b, int64_t flags',
);
const setAttr = syscallShape<[number, string, number, Uint8Array, number]>(
  'int64_t fd, const char *path, int64_t flags, const void *attr, int64_t size',
);
const fdBuffer = syscallShape<[number, Uint8Array]>('int64_t fd, void *out');
const statx = syscallShape<[number, Uint8Array, number, number, Uint8Array]>(
  'int64_t fd, const void *path, int64_t flags, int64_t mask, void *out',
);

/**
 * Gives the calling thread, and no other, a copy of the mounts until it is disposed; what changes in the copy is seen nowhere else,
 * and goes with it even when the process is killed. The other threads' file system calls, libuv's too, stay where they were.
 * man 2 unshare, setns.
 */
export function privateMounts(): Disposable {
  const back = openAt(AT_FDCWD, '/proc/thread-self/ns/mnt', { flags: fs.O_RDONLY });
  const restore = (): void => {
    try {
      checked('setns', 'mnt', () => two(syscallNumber('setns'), back, CLONE_NEWNS));
    } finally {
      closeFd(back);
    }
  };
  try {
    checked('unshare', 'CLONE_NEWNS', () => one(syscallNumber('unshare'), CLONE_NEWNS));
  } catch (error) {
    closeFd(back);
    throw error;
  }
  try {
    mount({ source: 'none', target: '/', type: '', flags: MS_REC | MS_SLAVE, data: '' });
  } catch (error) {
    restore();
    throw error;
  }
  return { [Symbol.dispose]: restore };
}

interface MountCall {
  readonly source: string;
  readonly target: string;
  readonly type: string;
  readonly flags?: number;
  readonly data: string;
}

/** man 2 mount. */
export function mount({ source, target, type, flags = 0, data }: MountCall): void {
  checked('mount', target, () => mountShape(syscallNumber('mount'), source, target, type, flags, data));
}

/** Takes a mount and all on it away, now or when its last user goes. man 2 umount2. */
export function detachMount(target: string): void {
  checked('umount2', target, () => pathFlags(syscallNumber('umount2'), target, MNT_DETACH));
}

export interface OverlayLayers {
  /** Topmost first; absolute. Two at least where there is no `upper`. */
  readonly lower: readonly string[];
  /** Undefined: the overlay is read-only. */
  readonly upper?: string | undefined;
  /** As `upper`. */
  readonly work?: string | undefined;
}

/** Mounts an overlay: with one parameter a layer (Linux 6.7), with one text for kernels that don't know those. */
export function mountOverlayAt(target: string, layers: OverlayLayers): void {
  try {
    const made = mountDetached('overlay', [
      ['source', 'overlay'],
      ...layers.lower.map((path): MountOption => ['lowerdir+', path]),
      ...(layers.upper === undefined ? [] : [['upperdir', layers.upper] as const]),
      ...(layers.work === undefined ? [] : [['workdir', layers.work] as const]),
    ]);
    try {
      attach(made, target);
    } finally {
      closeFd(made);
    }
  } catch (error) {
    if (!isErrno(error, 'EINVAL')) throw error;
    mountByText(target, layers);
  }
}

export type MountOption = readonly [name: string, value?: string];

/** A mount that is nowhere: a descriptor of its root, with which it goes unless it was attached. man 2 fsopen, Linux 5.2. */
export function mountDetached(type: string, options: readonly MountOption[]): number {
  const context = checked('fsopen', type, () => pathFlags(syscallNumber('fsopen'), type, FSOPEN_CLOEXEC));
  const set = (command: number, name: string | null, value?: string): void =>
    void checked('fsconfig', name === null ? type : value === undefined ? name : `${name}=${value}`, () =>
      configure(syscallNumber('fsconfig'), context, command, name, value ?? null, 0),
    );
  try {
    for (const [name, value] of options) set(value === undefined ? SET_FLAG : SET_STRING, name, value);
    set(CMD_CREATE, null);
    return checked('fsmount', type, () => three(syscallNumber('fsmount'), context, FSMOUNT_CLOEXEC, 0));
  } finally {
    closeFd(context);
  }
}

/** The thread has a working directory of its own since it left the others' mounts: relative paths are short. */
function mountByText(target: string, { lower, upper, work }: OverlayLayers): void {
  const writable = Object.entries({ upperdir: upper, workdir: work }).flatMap(([key, path]) =>
    path === undefined ? [] : [{ key, path }],
  );
  const base = commonDirectory([...lower, ...writable.map(({ path }) => path)]);
  const short = (path: string): string => posix.relative(base, path).replaceAll(/[\\,:]/g, String.raw`\$&`);
  const data = [
    `lowerdir=${lower.map(short).join(':')}`,
    ...writable.map(({ key, path }) => `${key}=${short(path)}`),
  ].join(',');
  if (Buffer.byteLength(data) > DATA_BYTES) {
    throw new Error(`Cannot mount an overlay of ${lower.length} layers: that takes Linux 6.7`);
  }
  checked('chdir', base, () => path1(syscallNumber('chdir'), base));
  mount({ source: 'overlay', target, type: 'overlay', data });
}

function commonDirectory(paths: readonly string[]): string {
  const [first = [], ...rest] = paths.map((path) => posix.dirname(path).split('/'));
  const shared = first.findIndex((name, index) => rest.some((names) => names[index] !== name));
  return (shared === -1 ? first : first.slice(0, shared)).join('/') || '/';
}

/** A detached copy of what is mounted at `path` and below: a descriptor. man 2 open_tree, Linux 5.2. */
export const cloneMounts = (path: string): number =>
  checked('open_tree', path, () =>
    atPath(syscallNumber('open_tree'), AT_FDCWD, path, OPEN_TREE_CLONE | O_CLOEXEC | AT_RECURSIVE),
  );

/** The same of what is open: of a directory in the middle of a mount, too. */
export const cloneMountsAt = (fd: number): number =>
  checked('open_tree', `descriptor ${fd}`, () =>
    atPath(syscallNumber('open_tree'), fd, '', OPEN_TREE_CLONE | O_CLOEXEC | AT_RECURSIVE | AT_EMPTY_PATH),
  );

/**
 * A detached copy of what another process has mounted at `path`, alone. Only who is in a mount namespace may clone its mounts, so this
 * thread, which must have left the others' mounts, enters it for that one call; the root there is that process's. man 2 setns.
 */
export function cloneMountOf(pid: number, path: string): number {
  const open = (process: string): number =>
    openAt(AT_FDCWD, `/proc/${process}/ns/mnt`, { flags: fs.O_RDONLY });
  const enter = (namespace: number): void =>
    void checked('setns', 'mnt', () => two(syscallNumber('setns'), namespace, CLONE_NEWNS));
  const own = open('thread-self');
  try {
    const other = open(String(pid));
    try {
      enter(other);
    } finally {
      closeFd(other);
    }
    try {
      return checked('open_tree', path, () =>
        atPath(syscallNumber('open_tree'), AT_FDCWD, path, OPEN_TREE_CLONE | O_CLOEXEC),
      );
    } finally {
      enter(own);
    }
  } finally {
    closeFd(own);
  }
}

/** Puts a detached mount onto a path, or onto what is open. man 2 move_mount, Linux 5.2. */
export function attach(mounted: number, target: string | number): void {
  const onto = typeof target === 'number';
  const flags = MOVE_MOUNT_F_EMPTY_PATH | (onto ? MOVE_MOUNT_T_EMPTY_PATH : 0);
  checked('move_mount', String(target), () =>
    onto
      ? move(syscallNumber('move_mount'), mounted, '', target, '', flags)
      : move(syscallNumber('move_mount'), mounted, '', AT_FDCWD, target, flags),
  );
}

/** man 2 mount_setattr, Linux 5.12. */
export function makeReadOnly(mounted: number, how: 'recursive' | 'alone'): void {
  const attributes = new BigUint64Array([BigInt(MOUNT_ATTR_RDONLY), 0n, 0n, 0n]);
  const bytes = new Uint8Array(attributes.buffer);
  const flags = AT_EMPTY_PATH | (how === 'recursive' ? AT_RECURSIVE : 0);
  checked('mount_setattr', 'read-only', () =>
    setAttr(syscallNumber('mount_setattr'), mounted, '', flags, bytes, bytes.byteLength),
  );
}

/** File systems that the kernel makes up: their files are no data, and to open some of them does something. */
const KERNEL_MADE = new Set([
  ...[0x9fa0, 0x62656572, 0x27e0eb, 0x63677270, 0x1cd1, 0x19800202, 0x64626720, 0x74726163, 0x73636673],
  ...[0xcafe4a11, 0x62656570, 0xf97cff8c, 0x65735543, 0x6165676c, 0xde5e81e4, 0x42494e4d, 0x6e736673],
]);

/** Of what is open. man 2 fstatfs. */
export function fileSystemOf(fd: number): { readonly kernelMade: boolean; readonly readOnly: boolean } {
  const out = Buffer.alloc(128);
  checked('fstatfs', `descriptor ${fd}`, () => fdBuffer(syscallNumber('fstatfs'), fd, out));
  return {
    kernelMade: KERNEL_MADE.has(Number(out.readBigUInt64LE(0))),
    readOnly: (Number(out.readBigUInt64LE(80)) & ST_RDONLY) !== 0,
  };
}

/** The mount that `name` in `fd` is on; nothing is followed, an empty name is `fd`. man 2 statx, Linux 5.8. */
export function mountIdAt(fd: number, name: Uint8Array): bigint {
  const out = Buffer.alloc(256);
  const path = Buffer.concat([name, new Uint8Array(1)]);
  const noFollow = 0x100;
  checked('statx', Buffer.from(name).toString(), () =>
    statx(syscallNumber('statx'), fd, path, AT_EMPTY_PATH | noFollow, 0x1000, out),
  );
  return out.readBigUInt64LE(144);
}
