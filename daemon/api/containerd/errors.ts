import { Code as GrpcCode, ConnectError } from '@connectrpc/connect';
import { codeOf, messageOf, type Code } from '../../../common/errors.ts';

/** The one mapper of this transport. containerd knows no conflicts: what a thing's state does not allow is a failed precondition. */
const GRPC_CODE = {
  'invalid-argument': GrpcCode.InvalidArgument,
  'not-found': GrpcCode.NotFound,
  'already-exists': GrpcCode.AlreadyExists,
  conflict: GrpcCode.FailedPrecondition,
  'not-modified': GrpcCode.FailedPrecondition,
  'out-of-range': GrpcCode.OutOfRange,
  'permission-denied': GrpcCode.PermissionDenied,
  'not-implemented': GrpcCode.Unimplemented,
  unavailable: GrpcCode.Unavailable,
  'deadline-exceeded': GrpcCode.DeadlineExceeded,
  canceled: GrpcCode.Canceled,
  internal: GrpcCode.Unknown,
} as const satisfies Record<Code, GrpcCode>;

/** The answer to any thrown value. */
export function grpcError(error: unknown): ConnectError {
  if (error instanceof ConnectError) return error;
  return new ConnectError(messageOf(error), GRPC_CODE[codeOf(error)], undefined, undefined, error);
}
