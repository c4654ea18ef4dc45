import type { IncomingHttpHeaders } from 'node:http';
import { invalidArgument } from '../../../../common/errors.ts';
import { checkContentType, MAX_BODY_BYTES, tooLarge } from '../body.ts';
import { take, takeLine, type Hijacked } from './socket.ts';

/** Reads a request's JSON body off a connection that node's parser has let go of; leaves what follows it in `head`. */
export async function hijackedJson(connection: Hijacked, headers: IncomingHttpHeaders): Promise<string> {
  const body = await readBody(connection, headers);
  if (body.length > 0) checkContentType(headers);
  return body.toString('utf8');
}

/** Any body, by `Content-Length` or chunked (RFC 9112 section 7.1, without trailers' meaning). */
export async function readBody(connection: Hijacked, headers: IncomingHttpHeaders): Promise<Buffer> {
  if (headers['transfer-encoding'] !== undefined) return readChunks(connection);
  const length = Number(headers['content-length'] ?? 0);
  if (length > MAX_BODY_BYTES) throw tooLarge();
  return take(connection, length);
}

async function readChunks(connection: Hijacked): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let total = 0;
  for (;;) {
    const size = chunkSize(await takeLine(connection, 1024));
    if (size === 0) break;
    total += size;
    if (total > MAX_BODY_BYTES) throw tooLarge();
    chunks.push(await take(connection, size));
    await take(connection, 2);
  }
  while ((await takeLine(connection, 8192)) !== '');
  return Buffer.concat(chunks);
}

function chunkSize(line: string): number {
  const digits = line.split(';', 1)[0]?.trim() ?? '';
  if (!/^[0-9a-f]{1,8}$/i.test(digits))
    throw invalidArgument(`Malformed chunk size ${JSON.stringify(digits)}`);
  return Number.parseInt(digits, 16);
}
