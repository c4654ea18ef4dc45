import { closeSync, constants, fstatSync, readSync } from 'node:fs';
import {
  AT_FDCWD,
  isErrno,
  O_PATH,
  openAt,
  openAt2,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
} from '../../native/sys/files.ts';
import type { Process } from '../spec.ts';

/** More than any real /etc/passwd; the image's own may be of any size and kind. */
const MAX_BYTES = 4 << 20;

/**
 * The environment with each variable once, as its last entry sets it, and with HOME, as every runtime sets it where the configuration
 * does not: from the passwd file of the container's root (`root`: its directory, or /proc/<pid>/root), `/` for a user who is not in
 * there.
 */
export function withHome(given: Process, root: string): Process {
  const env = [...new Map((given.env ?? []).map((entry) => [entry.split('=', 1)[0], entry])).values()];
  const process = { ...given, env };
  const { user } = process;
  if (env.some((entry) => entry.startsWith('HOME=') && entry !== 'HOME=')) return process;
  const home = homeIn(passwdOf(root), user.uid) ?? '/';
  return { ...process, env: [...env.filter((entry) => entry !== 'HOME='), `HOME=${home}`] };
}

/** man 5 passwd: the first entry of the user. */
function homeIn(passwd: string, uid: number): string | undefined {
  const entries = passwd.split('\n').map((line) => line.split(':'));
  const home = entries.find(([, , id]) => id !== undefined && id !== '' && Number(id) === uid)?.[5];
  return home === '' ? undefined : home;
}

/** Empty for what is missing, no regular file, or too large: then nobody has a home. */
function passwdOf(root: string): string {
  const directory = openAt(AT_FDCWD, root, { flags: O_PATH | constants.O_DIRECTORY });
  try {
    const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
    const fd = openAt2(directory, 'etc/passwd', { flags, resolve: RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS });
    try {
      const status = fstatSync(fd);
      if (!status.isFile() || status.size > MAX_BYTES) return '';
      const buffer = Buffer.alloc(status.size);
      return buffer.toString('utf8', 0, readSync(fd, buffer, 0, buffer.byteLength, 0));
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO', 'ENODEV', 'EACCES')) return '';
    throw error;
  } finally {
    closeSync(directory);
  }
}
