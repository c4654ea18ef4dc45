import { codeOf, messageOf, type Code } from '../../../common/errors.ts';

/** The one mapper of this transport. */
export const HTTP_STATUS = {
  'invalid-argument': 400,
  'not-found': 404,
  'already-exists': 409,
  conflict: 409,
  'not-modified': 304,
  'out-of-range': 416,
  'permission-denied': 403,
  'not-implemented': 501,
  unavailable: 503,
  'deadline-exceeded': 504,
  canceled: 499,
  internal: 500,
} as const satisfies Record<Code, number>;

export interface HttpError {
  readonly status: number;
  readonly message: string;
}

/** The answer to any thrown value. */
export function httpError(error: unknown): HttpError {
  if (isMalformedRequest(error)) return { status: 400, message: messageOf(error) };
  const [code, message] = [codeOf(error), messageOf(error)];
  const nobody = code === 'permission-denied' && UNAUTHENTICATED.test(message);
  return { status: nobody ? UNAUTHORIZED : HTTP_STATUS[code], message };
}

/** A registry's refusals: of who has not said who they are, against what they may not do. */
const UNAUTHENTICATED =
  /unauthorized|authentication required|no basic auth credentials|incorrect username or password/i;
const UNAUTHORIZED = 401;

/** Docker's body of every failed request. */
export const errorBody = (message: string): string => `${JSON.stringify({ message })}\n`;

/** What a progress stream says when it fails after the 200. */
export const streamError = (error: unknown): string =>
  `${JSON.stringify({ errorDetail: { message: messageOf(error) }, error: messageOf(error) })}\r\n`;

/** What fastify itself found wrong with a request, such as a content type that is none. */
function isMalformedRequest(error: unknown): boolean {
  const status = (error as { statusCode?: unknown } | null)?.statusCode;
  return typeof status === 'number' && status >= 400 && status < 500;
}
