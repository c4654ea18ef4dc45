import { messageOf } from '../../common/errors.ts';
import { GRPC, isGrpcError } from './grpc-error.ts';

/** What containerd's own client puts behind the text of an error of each code. */
const CLASSES: Readonly<Record<number, string>> = {
  [GRPC.notFound]: 'not found',
  [GRPC.alreadyExists]: 'already exists',
  [GRPC.failedPrecondition]: 'failed precondition',
  [GRPC.invalidArgument]: 'invalid argument',
  [GRPC.unavailable]: 'unavailable',
  [GRPC.unimplemented]: 'not implemented',
  [GRPC.canceled]: 'context canceled',
  [GRPC.deadlineExceeded]: 'context deadline exceeded',
};

export const isNotFound = (error: unknown): boolean => hasCode(error, GRPC.notFound);
export const isAlreadyThere = (error: unknown): boolean => hasCode(error, GRPC.alreadyExists);
export const isNotImplemented = (error: unknown): boolean => hasCode(error, GRPC.unimplemented);

const hasCode = (error: unknown, code: number): boolean => isGrpcError(error) && error.code === code;

/** The text of anything thrown, of containerd's errors as `ctr` prints them: `image "x": not found`. */
export function textOf(error: unknown): string {
  if (!isGrpcError(error)) return messageOf(error);
  const errno = (error.cause as NodeJS.ErrnoException | undefined)?.syscall;
  if (errno === 'connect') return `failed to dial: ${messageOf(error.cause)}`;
  const name = CLASSES[error.code] ?? 'unknown';
  const text = error.message;
  return text === name || text.endsWith(`: ${name}`) ? text : `${text}: ${name}`;
}

/** Whatever was thrown, to be thrown again later. */
export const asError = (error: unknown): Error =>
  error instanceof Error ? error : new Error(String(error), { cause: error });

export const isUnavailable = (error: unknown): boolean => hasCode(error, GRPC.unavailable);
