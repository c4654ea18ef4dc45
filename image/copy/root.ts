import { constants as fs } from 'node:fs';
import { conflict } from '../../common/errors.ts';
import {
  AT_FDCWD,
  closeFd,
  isErrno,
  mkdirAt,
  O_PATH,
  openAt,
  openAt2,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  S_IFDIR,
  S_IFMT,
  statAt,
} from '../../native/sys/files.ts';
import {
  attach,
  cloneMounts,
  detachMount,
  makeReadOnly,
  mount,
  mountOverlayAt,
  privateMounts,
} from '../../native/sys/mounts.ts';
import { readInto } from '../../native/sys/read.ts';
import type { CopyBind, CopyRoot, StoppedRoot } from './contract.ts';
import { clonePart, mountHostSide } from './mounts.ts';

const OPEN_ROOT = O_PATH | fs.O_DIRECTORY;
const CGROUP_BYTES = 16 * 1024;

/** Runs `act` with a descriptor of the container's root. Blocks its thread; use from a worker only. */
export async function withRoot<T>(root: CopyRoot, act: (fd: number) => Promise<T>): Promise<T> {
  return root.kind === 'process' ? withProcessRoot(root, act) : withStoppedRoot(root, act);
}

async function withProcessRoot<T>(
  { pid, id }: Extract<CopyRoot, { kind: 'process' }>,
  act: (fd: number) => Promise<T>,
): Promise<T> {
  const fd = processRoot(pid, id);
  try {
    return await act(fd);
  } finally {
    closeFd(fd);
  }
}

/** The directory in /proc stays one of this process: a number that was given to another meanwhile is not mistaken for it. */
function processRoot(pid: number, id: string): number {
  let process: number | undefined;
  try {
    process = openAt(AT_FDCWD, `/proc/${pid}`, { flags: OPEN_ROOT });
    if (cgroupsOf(process).includes(id)) return openAt(process, 'root', { flags: OPEN_ROOT });
  } catch (error) {
    if (!isErrno(error, 'ENOENT', 'ESRCH')) throw error;
  } finally {
    if (process !== undefined) closeFd(process);
  }
  throw conflict(`container ${id} is not running`);
}

function cgroupsOf(process: number): string {
  const fd = openAt(process, 'cgroup', { flags: fs.O_RDONLY });
  try {
    const data = Buffer.alloc(CGROUP_BYTES);
    return data.toString('latin1', 0, readInto(fd, data));
  } finally {
    closeFd(fd);
  }
}

/**
 * One that is only read gets an upper directory in memory, for the places that binds are mounted on: its own stays as it is, and may be
 * mounted by a start meanwhile.
 */
async function withStoppedRoot<T>(root: StoppedRoot, act: (fd: number) => Promise<T>): Promise<T> {
  const { staging, overlay, writable } = root;
  using _mounts = privateMounts();
  mountHostSide(root.mounts);
  // Before anything of ours is mounted: a source may be a directory that the staging lies in.
  using sources = cloneAll(root.binds);
  mount({ source: 'tmpfs', target: staging, type: 'tmpfs', data: 'mode=0700' });
  try {
    for (const name of ['root', 'upper', 'work']) mkdirAt(AT_FDCWD, `${staging}/${name}`, 0o755);
    const own = {
      lower: [overlay.upper, ...overlay.lower],
      upper: `${staging}/upper`,
      work: `${staging}/work`,
    };
    mountOverlayAt(`${staging}/root`, writable ? overlay : own);
    const fd = openAt(AT_FDCWD, `${staging}/root`, { flags: OPEN_ROOT });
    try {
      for (const bind of root.binds) mountBind(fd, bind, sources.get(bind));
      if (root.readOnlyRoot) makeReadOnly(fd, 'alone');
      return await act(fd);
    } finally {
      closeFd(fd);
    }
  } finally {
    detachMount(staging);
  }
}

interface Clones extends Disposable {
  /** Undefined for a source that is missing. */
  get(bind: CopyBind): number | undefined;
}

function cloneAll(binds: readonly CopyBind[]): Clones {
  const clones = new Map<CopyBind, number>();
  const close = (): void => clones.forEach((fd) => closeFd(fd));
  try {
    for (const bind of binds) {
      const fd = cloned(bind);
      if (fd !== undefined) clones.set(bind, fd);
    }
  } catch (error) {
    close();
    throw error;
  }
  return { get: (bind) => clones.get(bind), [Symbol.dispose]: close };
}

function cloned({ source, subpath }: CopyBind): number | undefined {
  if (subpath !== '') return clonePart(source, subpath);
  try {
    return cloneMounts(source);
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

function mountBind(root: number, { destination, readOnly }: CopyBind, clone: number | undefined): void {
  if (clone === undefined) return;
  if (readOnly) makeReadOnly(clone, 'recursive');
  const isDirectory = (statAt(clone, '').mode & S_IFMT) === S_IFDIR;
  const target = openPlace(root, destination, isDirectory);
  try {
    attach(clone, target);
  } finally {
    closeFd(target);
  }
}

const IN_ROOT = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;

/** What is at a path, made with its parents if nothing is, as at a start. */
function openPlace(root: number, path: string, isDirectory: boolean): number {
  const names = path.split('/').filter((name) => name !== '');
  let at = openAt2(root, '.', { flags: OPEN_ROOT, resolve: IN_ROOT });
  for (const [index, name] of names.entries()) {
    const above = at;
    const asDirectory = isDirectory || index < names.length - 1;
    try {
      at = openOrMake(root, { above, path: names.slice(0, index + 1).join('/'), name, asDirectory });
    } finally {
      closeFd(above);
    }
  }
  return at;
}

function openOrMake(
  root: number,
  to: { readonly above: number; readonly path: string; readonly name: string; readonly asDirectory: boolean },
): number {
  const open = (): number => openAt2(root, to.path, { flags: O_PATH, resolve: IN_ROOT });
  try {
    return open();
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error;
  }
  if (to.asDirectory) mkdirAt(to.above, to.name, 0o755);
  else closeFd(openAt(to.above, to.name, { flags: fs.O_CREAT | fs.O_EXCL | fs.O_WRONLY, mode: 0o644 }));
  return open();
}
