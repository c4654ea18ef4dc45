import { posix } from 'node:path';

/**
 * A client's path, cleaned and absolute; a trailing slash or `/.` stays, since it follows a symbolic link.
 * Source: moby pkg/archive/copy.go, PreserveTrailingDotOrSeparator.
 */
export function cleanPath(path: string): string {
  const clean = posix.normalize(`/${path}`).replace(/\/+$/, '') || '/';
  if (path === '.' || path.endsWith('/.')) return clean === '/' ? '/.' : `${clean}/.`;
  return path.endsWith('/') && clean !== '/' ? `${clean}/` : clean;
}

/** Its last part: `.` for `/a/.`, `/` for the root. */
export const baseOf = (cleaned: string): string => (cleaned === '/' ? '/' : posix.basename(cleaned));
