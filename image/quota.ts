import { randomInt } from 'node:crypto';
import { constants as fs } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { invalidArgument } from '../common/errors.ts';
import { AT_FDCWD, closeFd, isErrno, openAt } from '../native/sys/files.ts';
import {
  limitsProjects,
  projectOf,
  projectUsage,
  setProject,
  setProjectLimit,
} from '../native/sys/project-quota.ts';

/**
 * How much a directory may hold, by a project of its own. Nothing of it is remembered elsewhere: the directory knows its project, and the
 * file system which projects are taken, by us, by another daemon or by the host's administrator. So a crash loses and leaks nothing. For
 * worker threads.
 */

const DIRECTORY = fs.O_RDONLY | fs.O_DIRECTORY | fs.O_NOFOLLOW;
/** Those below are for people and other programs, which count from 1. */
const PROJECTS = { from: 2 ** 20, to: 2 ** 31 } as const;

/**
 * Limits an empty directory and `below`, the empty directories in it. Idempotent; a limit takes the place of the one before. Throws
 * `invalid-argument` with the reason where the file system can't.
 */
export async function limitByProject(
  directory: string,
  { sizeBytes, below }: { readonly sizeBytes: number; readonly below: readonly string[] },
): Promise<void> {
  const place = await describe(directory);
  opened(directory, (fd) => {
    if (!limitsProjects(fd)) throw invalidArgument(`${place} and has no project quotas`);
    const above = opened(join(directory, '..'), projectOf);
    if (above !== 0) throw invalidArgument(`${place}, below a directory of project ${above}`);
    // One of a start that a crash ended.
    const project = projectOf(fd) || freeProject(fd);
    for (const name of below) opened(join(directory, name), (child) => setProject(child, project));
    setProject(fd, project);
    setProjectLimit(fd, { project, sizeBytes });
  });
}

/** Before the directory is removed: the project is free again with the last of what belongs to it. Anything else is left alone. */
export function unlimitEntry(parent: number, name: string): void {
  let fd: number;
  try {
    fd = openAt(parent, name, { flags: DIRECTORY });
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return;
    throw error;
  }
  try {
    const project = projectOf(fd);
    if (project !== 0 && project !== projectOf(parent) && limitsProjects(fd))
      setProjectLimit(fd, { project, sizeBytes: 0 });
  } finally {
    closeFd(fd);
  }
}

/** Whether what is made in the directory could be limited. */
export const hasProjects = (parent: string): boolean =>
  opened(parent, (fd) => limitsProjects(fd) && projectOf(fd) === 0);

function opened<T>(directory: string, act: (fd: number) => T): T {
  const fd = openAt(AT_FDCWD, directory, { flags: DIRECTORY });
  try {
    return act(fd);
  } finally {
    closeFd(fd);
  }
}

/** By chance, since several threads look at the same time. */
function freeProject(fd: number): number {
  for (;;) {
    const project = randomInt(PROJECTS.from, PROJECTS.to);
    if (projectUsage(fd, project) === undefined) return project;
  }
}

/** `"/var/lib/wherry/volumes/x" is on ext4`. */
async function describe(directory: string): Promise<string> {
  const table = await readFile('/proc/self/mountinfo', 'utf8');
  const mounts = table
    .split('\n')
    .map((line) => line.split(' '))
    .map((words) => ({ at: words[4] ?? '', type: words[words.indexOf('-') + 1] ?? '' }))
    .filter(({ at }) => at !== '' && (at === '/' || directory === at || directory.startsWith(`${at}/`)));
  const longest = Math.max(...mounts.map(({ at }) => at.length));
  return `"${directory}" is on ${mounts.findLast(({ at }) => at.length === longest)?.type ?? 'a file system'}`;
}
