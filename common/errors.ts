/**
 * The one error type of the project. `code` is a closed set; each transport has exactly one mapper from it
 * (HTTP status, gRPC status, exit code). The message names the action and the value: `Cannot mount "/proc": EPERM`.
 */
export type Code =
  | 'invalid-argument'
  | 'not-found'
  | 'already-exists'
  | 'conflict'
  | 'not-modified'
  | 'out-of-range'
  | 'permission-denied'
  | 'not-implemented'
  | 'unavailable'
  | 'deadline-exceeded'
  | 'canceled'
  | 'internal';

export class WherryError extends Error {
  readonly code: Code;

  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'WherryError';
    this.code = code;
  }
}

export const invalidArgument = (message: string, options?: ErrorOptions): WherryError =>
  new WherryError('invalid-argument', message, options);
export const notFound = (message: string, options?: ErrorOptions): WherryError =>
  new WherryError('not-found', message, options);
export const conflict = (message: string, options?: ErrorOptions): WherryError =>
  new WherryError('conflict', message, options);
export const notImplemented = (message: string, options?: ErrorOptions): WherryError =>
  new WherryError('not-implemented', message, options);
export const unavailable = (message: string, options?: ErrorOptions): WherryError =>
  new WherryError('unavailable', message, options);
export const internal = (message: string, options?: ErrorOptions): WherryError =>
  new WherryError('internal', message, options);

/** The code of any thrown value; what is not ours is `internal`. By its name too: a command line in several bundles has several classes. */
export function codeOf(thrown: unknown): Code {
  const error = firstOf(thrown);
  const isOurs = error instanceof WherryError || (error instanceof Error && error.name === 'WherryError');
  return isOurs ? (error as WherryError).code : 'internal';
}

/** The message of any thrown value. */
export function messageOf(thrown: unknown): string {
  const error = firstOf(thrown);
  return error instanceof Error ? error.message : String(error);
}

/** Of a failure, and another while things were put back, the one that came first: the second follows from it. */
const firstOf = (error: unknown): unknown =>
  error instanceof SuppressedError ? firstOf(error.suppressed) : error;
