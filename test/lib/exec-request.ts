import type { ExecCreateRequest } from '../../daemon/core/contract.ts';

/** What is asked for an exec when nothing is, of which only the output is read. */
export const EXEC: Omit<ExecCreateRequest, 'container' | 'cmd'> = {
  env: [],
  user: '',
  workingDir: '',
  tty: false,
  privileged: false,
  attachStdin: false,
  attachStdout: true,
  attachStderr: true,
  detachKeys: undefined,
  consoleSize: undefined,
};
