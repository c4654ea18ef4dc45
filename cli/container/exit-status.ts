import { messageOf } from '../../common/errors.ts';

/**
 * The exit code of a `run` whose container did not start. Docker's clients tell by the text: 127 if there is no such
 * program, 126 if it can't be run, 125 for the rest.
 */
export function startFailureStatus(error: unknown): 125 | 126 | 127 {
  const message = messageOf(error);
  if (
    /executable file not found|no such file or directory|system cannot find the file specified/.test(message)
  ) {
    return 127;
  }
  return /permission denied|is a directory/.test(message) ? 126 : 125;
}

/** Docker's form of a failed `run` or `create`. */
export const withHelp = (error: unknown, path: string): string =>
  `wherry: ${messageOf(error)}\n\nRun '${path} --help' for more information\n`;
