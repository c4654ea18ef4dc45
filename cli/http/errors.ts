import { type Code, WherryError } from '../../common/errors.ts';

const CODES: Readonly<Record<number, Code>> = {
  400: 'invalid-argument',
  401: 'permission-denied',
  403: 'permission-denied',
  404: 'not-found',
  409: 'conflict',
  501: 'not-implemented',
  503: 'unavailable',
};

/** What the daemon answered instead of success, with docker's text around its message. */
export function errorOf(status: number, body: string): WherryError {
  return new WherryError(
    CODES[status] ?? 'internal',
    `Error response from daemon: ${messageIn(status, body)}`,
  );
}

function messageIn(status: number, body: string): string {
  try {
    const { message } = JSON.parse(body) as { message?: string };
    if (message !== undefined && message !== '') return message.trim();
  } catch {
    if (body.trim() !== '') return body.trim();
  }
  return `the answer was ${status} without a message`;
}
