import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  fstatSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { internal, invalidArgument, notFound, WherryError } from '../../common/errors.ts';
import { AT_FDCWD, mknodAt, S_IFIFO } from '../../native/sys/files.ts';
import { lock } from '../../native/sys/flock.ts';
import { parseExact, stringifyExact } from '../exact-json.ts';
import { START_FIFO } from '../keeper.ts';
import type { ContainerRecord } from './contract.ts';

/** A container's directory below `--root`: state.json, exec.fifo. */
const DIRECTORY_MODE = 0o711;
/** Opened by the launcher and by `start`, and by nobody in the container. */
const FIFO_MODE = 0o600;
export const stateFile = 'state.json';

/** libcontainer's rule for names. */
const ID = /^[\w+\-.]+$/;

/** Throws `invalid-argument` for what is no container id: it becomes a directory's name. */
export function checkId(id: string): void {
  if (!ID.test(id) || id === '.' || id === '..' || id.length > 1024)
    throw invalidArgument(`invalid container ID format: ${JSON.stringify(id)}`);
}

const pathOf = (root: string, id: string): string => join(root, id);

/** Where the init of a container waits for `start`. */
export const startDirectory = pathOf;

/** The directory of a new container. Throws `already-exists` when there is one. */
export function makeStateDirectory(root: string, id: string): void {
  checkId(id);
  mkdirSync(root, { recursive: true, mode: DIRECTORY_MODE });
  try {
    mkdirSync(pathOf(root, id), { mode: DIRECTORY_MODE });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw new WherryError('already-exists', `container with given ID already exists: ${id}`);
  }
}

/** The FIFO that holds the init until `start`. */
export function makeStartFifo(root: string, id: string): void {
  const path = join(pathOf(root, id), START_FIFO);
  mknodAt(AT_FDCWD, path, { mode: S_IFIFO | FIFO_MODE, major: 0, minor: 0 });
  // Whatever the umask left of it.
  chmodSync(path, FIFO_MODE);
}

export const hasStartFifo = (root: string, id: string): boolean =>
  existsSync(join(pathOf(root, id), START_FIFO));

export const removeStartFifo = (root: string, id: string): void =>
  rmSync(join(pathOf(root, id), START_FIFO), { force: true });

/** Replaces state.json: a reader sees the old or the new one. Not synced: after a power cut there is no container either. */
export function saveRecord(root: string, record: ContainerRecord): void {
  const path = join(pathOf(root, record.id), stateFile);
  const partial = `${path}.${process.pid}`;
  const fd = openSync(partial, 'w', 0o600);
  try {
    writeSync(fd, stringifyExact(record));
  } finally {
    closeSync(fd);
  }
  renameSync(partial, path);
}

/** Throws `not-found` in runc's words, `internal` for a state that can't be read. */
export function loadRecord(root: string, id: string): ContainerRecord {
  checkId(id);
  const path = join(pathOf(root, id), stateFile);
  const text = readText(path);
  if (text === undefined) throw notFound(`container does not exist: ${id}`);
  try {
    return parseExact(text) as ContainerRecord;
  } catch (error) {
    throw internal(`Cannot read the state of container ${id} in "${path}"`, { cause: error });
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** Names of the containers below `root`, sorted. */
export function listIds(root: string): string[] {
  if (!existsSync(root)) return [];
  const entries = readdirSync(root, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory() && ID.test(entry.name))
    .map(({ name }) => name)
    .toSorted();
}

/** False when there is no such directory. */
export const hasStateDirectory = (root: string, id: string): boolean => {
  checkId(id);
  return statSync(pathOf(root, id), { throwIfNoEntry: false })?.isDirectory() ?? false;
};

export function removeStateDirectory(root: string, id: string): void {
  rmSync(pathOf(root, id), { recursive: true, force: true });
}

/**
 * Keeps other commands that change this container away until the returned lock is disposed of; waits for theirs. Throws
 * `not-found` when it is gone by then.
 */
export function lockContainer(root: string, id: string): Disposable {
  checkId(id);
  const path = pathOf(root, id);
  const fd = openDirectory(path, id);
  lock(fd);
  if (statSync(path, { throwIfNoEntry: false })?.ino !== fstatSync(fd).ino) {
    closeSync(fd);
    throw notFound(`container does not exist: ${id}`);
  }
  return { [Symbol.dispose]: () => closeSync(fd) };
}

function openDirectory(path: string, id: string): number {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw notFound(`container does not exist: ${id}`);
  }
}
