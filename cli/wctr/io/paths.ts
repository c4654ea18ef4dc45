import { isAbsolute } from 'node:path';

/** Where a task's streams go: paths of FIFOs, or URIs; an empty one is none. */
export interface Paths {
  readonly stdin: string;
  readonly stdout: string;
  readonly stderr: string;
}

export const NO_PATHS: Paths = { stdin: '', stdout: '', stderr: '' };

/** Output to a URI: a path alone is a file's. Input is none. */
export function logPaths(uri: string): Paths {
  if (uri === '') return NO_PATHS;
  const complete = isAbsolute(uri) ? `file://${uri}` : uri;
  if (!/^[a-z]+:\/\//.test(complete)) throw new Error(`log uri "${uri}" must be absolute`);
  return { stdin: '', stdout: complete, stderr: complete };
}
