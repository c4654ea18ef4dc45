import { Code, ConnectError } from '@connectrpc/connect';
import { messageOf } from '../../common/errors.ts';

/** What containerd's own client puts behind the text of an error of each code. */
const CLASSES: Readonly<Partial<Record<Code, string>>> = {
  [Code.NotFound]: 'not found',
  [Code.AlreadyExists]: 'already exists',
  [Code.FailedPrecondition]: 'failed precondition',
  [Code.InvalidArgument]: 'invalid argument',
  [Code.Unavailable]: 'unavailable',
  [Code.Unimplemented]: 'not implemented',
  [Code.Canceled]: 'context canceled',
  [Code.DeadlineExceeded]: 'context deadline exceeded',
};

export const isNotFound = (error: unknown): boolean => hasCode(error, Code.NotFound);
export const isAlreadyThere = (error: unknown): boolean => hasCode(error, Code.AlreadyExists);
export const isNotImplemented = (error: unknown): boolean => hasCode(error, Code.Unimplemented);

const hasCode = (error: unknown, code: Code): boolean => error instanceof ConnectError && error.code === code;

/** The text of anything thrown, of containerd's errors as `ctr` prints them: `image "x": not found`. */
export function textOf(error: unknown): string {
  if (!(error instanceof ConnectError)) return messageOf(error);
  const errno = (error.cause as NodeJS.ErrnoException | undefined)?.syscall;
  if (errno === 'connect') return `failed to dial: ${messageOf(error.cause)}`;
  const name = CLASSES[error.code] ?? 'unknown';
  const text = error.rawMessage;
  return text === name || text.endsWith(`: ${name}`) ? text : `${text}: ${name}`;
}

/** Whatever was thrown, to be thrown again later. */
export const asError = (error: unknown): Error =>
  error instanceof Error ? error : new Error(String(error), { cause: error });

export const isUnavailable = (error: unknown): boolean => hasCode(error, Code.Unavailable);
