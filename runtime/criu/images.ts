import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { internal, invalidArgument } from '../../common/errors.ts';

/** runc's file beside CRIU's: what the init's stdin, stdout and stderr were. */
const DESCRIPTORS = 'descriptors.json';
/** More than any such file. */
const MAX_BYTES = 4096;
/** What CRIU calls the images that a dump builds upon. */
const PARENT = 'parent';
const MAX_PARENTS = 64;
/** A pipe by its inode: what CRIU takes the place of by a key of that form. */
const PIPE = /^pipe:\[\d+\]$/;
const LOG_LINES = 10;

/** Makes a directory unless it is there; for checkpoints, which hold the memory of processes. */
export function makeDirectory(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
}

/**
 * Throws `invalid-argument` unless all that lies in an image directory is plain files: CRIU, as root, follows symbolic links where it
 * reads and writes images and logs. Only `parent`, which CRIU itself makes, may be a link: a relative one to another such directory.
 */
export function checkImageDirectory(path: string, depth = 0): void {
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isFile() || entry.isDirectory()) continue;
    const file = join(path, entry.name);
    if (entry.name !== PARENT || !entry.isSymbolicLink())
      throw invalidArgument(`invalid image directory: "${file}" is no regular file`);
    if (isAbsolute(readlinkSync(file)) || depth === MAX_PARENTS || !isDirectory(file))
      throw invalidArgument(`invalid image directory: "${file}" is no relative link to a directory`);
    checkImageDirectory(file, depth + 1);
  }
}

const isDirectory = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;

/** Throws `invalid-argument` in runc's words unless `parent` is the relative path of a directory. */
export function checkParent(images: string, parent: string): void {
  if (isAbsolute(parent)) throw invalidArgument('--parent-path must be relative');
  const path = join(images, parent);
  if (!isDirectory(path)) throw invalidArgument(`invalid --parent-path: "${path}" is no directory`);
}

/** Takes the place of whatever lies there. */
export function writeDescriptors(images: string, descriptors: readonly string[]): void {
  const path = join(images, DESCRIPTORS);
  rmSync(path, { force: true });
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  const fd = openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    writeSync(fd, JSON.stringify(descriptors));
  } finally {
    closeSync(fd);
  }
}

/**
 * Keys of the pipes that were the container's stdio, by their descriptor: the restored process gets this command's in their places. It
 * is the only thing that an image directory may tell us, so what is not such a key is nothing, and what is no such file is refused.
 */
export function readPipes(images: string): { readonly key: string; readonly fd: number }[] {
  const path = join(images, DESCRIPTORS);
  const parsed = parse(readSmallFile(path), path);
  if (!Array.isArray(parsed) || parsed.length > 3)
    throw invalidArgument(`invalid image directory: "${path}" is no list of three descriptors`);
  return parsed.flatMap((key: unknown, fd) =>
    typeof key === 'string' && PIPE.test(key) ? [{ key, fd }] : [],
  );
}

function readSmallFile(path: string): string {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const status = fstatSync(fd);
    if (!status.isFile() || status.size > MAX_BYTES)
      throw invalidArgument(`invalid image directory: "${path}" is no list of three descriptors`);
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

function parse(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalidArgument(`invalid image directory: "${path}" is no JSON`, { cause: error });
  }
}

/** What a process's stdio is, as `descriptors.json` says it. */
export const stdioOf = (pid: number): string[] =>
  [0, 1, 2].map((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      return '';
    }
  });

/** Files that CRIU opens by name in its work directory: no link of somebody else's may stand there. */
export function clearWorkFiles(directory: string, log: string): void {
  for (const name of [log, 'stats-dump', 'stats-restore']) {
    const path = join(directory, name);
    if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true)
      throw invalidArgument(`Cannot write "${path}": it is a directory`);
    rmSync(path, { force: true });
  }
}

/** The same error, with where the log is and what its last lines of failure say. */
export function withLog(error: unknown, path: string): Error {
  const message = error instanceof Error ? error.message : String(error);
  const lines = readLog(path);
  const errors = lines.filter((line) => line.includes('Error ('));
  const tail = (errors.length > 0 ? errors : lines).slice(-LOG_LINES);
  return internal(`${message}\nlog file: ${path}${tail.map((line) => `\n${line}`).join('')}`, {
    cause: error,
  });
}

function readLog(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').trimEnd().split('\n');
  } catch {
    return [];
  }
}
