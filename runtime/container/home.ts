import { closeSync, constants, fstatSync, readFileSync } from 'node:fs';
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
const FIELDS = 7;

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

/** man 5 passwd: the first entry of the user, line by line. */
function homeIn(passwd: string, uid: number): string | undefined {
  const id = String(uid);
  for (let start = 0; start < passwd.length;) {
    const newline = passwd.indexOf('\n', start);
    const end = newline < 0 ? passwd.length : newline;
    const fields = passwd.slice(start, end).split(':', FIELDS);
    if (fields[2] === id) return fields[5] === '' ? undefined : fields[5];
    start = end + 1;
  }
  return undefined;
}

/** Empty for what is missing, no regular file, or too large: then nobody has a home. */
function passwdOf(root: string): string {
  const directory = openAt(AT_FDCWD, root, { flags: O_PATH | constants.O_DIRECTORY });
  try {
    // Not to be read through yet: opening a device of the image would act on it, and a FIFO waits.
    const resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
    const place = openAt2(directory, 'etc/passwd', { flags: O_PATH, resolve });
    try {
      const status = fstatSync(place);
      if (!status.isFile() || status.size > MAX_BYTES) return '';
      return readFileSync(`/proc/self/fd/${place}`, 'utf8').slice(0, MAX_BYTES);
    } finally {
      closeSync(place);
    }
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES')) return '';
    throw error;
  } finally {
    closeSync(directory);
  }
}
