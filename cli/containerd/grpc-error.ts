/** Codes of gRPC; https://github.com/grpc/grpc/blob/master/doc/statuscodes.md */
export const GRPC = {
  canceled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  failedPrecondition: 9,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
} as const;

/** How a call failed, in the server's words or in those of whoever did not reach it. */
export class GrpcError extends Error {
  override readonly name = 'GrpcError';
  /** One of gRPC's. */
  readonly code: number;

  constructor(code: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Each bundle has a class of its own. */
export const isGrpcError = (error: unknown): error is GrpcError =>
  error instanceof Error && error.name === 'GrpcError';
