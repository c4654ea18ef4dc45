import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { invalidArgument } from '../../../common/errors.ts';

/** More than the longest command line and environment that execve takes. */
export const MAX_BODY_BYTES = 16 * 1024 * 1024;

/**
 * The text of a JSON body; empty when there is none. Throws `invalid-argument` for another content type, as docker does, since
 * a browser may send such a form across sites.
 */
export async function jsonText(request: IncomingMessage): Promise<string> {
  checkContentType(request.headers);
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

export function checkContentType(headers: IncomingHttpHeaders): void {
  const type = headers['content-type'];
  if (type === undefined && !hasBody(headers)) return;
  const mime = (type ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (mime === '')
    throw invalidArgument(`malformed Content-Type header (${type ?? ''}): mime: no media type`);
  if (mime !== 'application/json') {
    throw invalidArgument(`unsupported Content-Type header (${type}): must be 'application/json'`);
  }
}

export const hasBody = (headers: IncomingHttpHeaders): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

export const tooLarge = (): Error =>
  invalidArgument(`The request body is larger than ${MAX_BODY_BYTES} bytes`);
