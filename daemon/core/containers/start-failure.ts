import { codeOf, invalidArgument, messageOf, WherryError } from '../../../common/errors.ts';

/** Docker's exit codes for a process that never ran. */
const CANNOT_INVOKE = 126;
const NOT_FOUND = 127;
const UNKNOWN = 128;

export interface StartFailure {
  readonly exitCode: number;
  /** For the client, who turns its text into his exit code. */
  readonly error: WherryError;
}

/** Docker says this before what its runtime said. */
const TASK =
  'failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: ' +
  'unable to start container process: error during container init: ';
const EXEC = 'OCI runtime exec failed: exec failed: unable to start container process: ';

/** Marks what went wrong when a process was launched. */
export class LaunchFailure extends Error {
  /** All that the client is told, where it is not one of our own runtime's failures. */
  readonly text: string | undefined;

  constructor(cause: unknown, text?: string) {
    super(messageOf(cause), { cause });
    this.text = text;
  }
}

/** Why a container did not start. What went wrong before anything was launched keeps its words. */
export const startFailure = (error: unknown): StartFailure =>
  error instanceof LaunchFailure
    ? classify(error.text ?? `${TASK}${error.message}: unknown`, error.cause)
    : early(error, UNKNOWN);

/** The same for an exec. */
export const execFailure = (error: unknown): StartFailure =>
  error instanceof LaunchFailure
    ? classify(error.text ?? `${EXEC}${error.message}: unknown`, error.cause)
    : early(error, CANNOT_INVOKE);

function early(error: unknown, exitCode: number): StartFailure {
  const known = error instanceof WherryError;
  return {
    exitCode,
    error: known ? error : new WherryError(codeOf(error), messageOf(error), { cause: error }),
  };
}

function classify(text: string, cause: unknown): StartFailure {
  const has = (...words: string[]): boolean => words.some((word) => text.toLowerCase().includes(word));
  if (has('permission denied')) return { exitCode: CANNOT_INVOKE, error: invalidArgument(text, { cause }) };
  if (has('is a directory')) {
    return { exitCode: CANNOT_INVOKE, error: invalidArgument(`${text}: permission denied`, { cause }) };
  }
  if (has('not a directory', 'enotdir')) {
    const hint =
      'Are you trying to mount a directory onto a file (or vice-versa)? ' +
      'Check if the specified host path exists and is the expected type';
    return { exitCode: NOT_FOUND, error: invalidArgument(`${text}: ${hint}`, { cause }) };
  }
  if (has('executable file not found', 'no such file or directory')) {
    return { exitCode: NOT_FOUND, error: invalidArgument(text, { cause }) };
  }
  return { exitCode: UNKNOWN, error: new WherryError('internal', text, { cause }) };
}
