import { WherryError } from '../../common/errors.ts';
import type { ByteReader } from './byte-reader.ts';

/** An answer's status line and headers. */
export interface Head {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
}

/** More than any daemon sends: what is longer is no HTTP. */
const MAX_HEAD_BYTES = 64 * 1024;

/** Reads an HTTP/1.1 answer's head and leaves the reader at the body. Throws `unavailable` when the connection breaks. */
export async function readHead(reader: ByteReader): Promise<Head> {
  let bytes: Buffer = Buffer.alloc(0);
  for (;;) {
    const end = bytes.indexOf('\r\n\r\n');
    if (end >= 0) {
      reader.unread(bytes.subarray(end + 4));
      return parseHead(bytes.toString('latin1', 0, end));
    }
    if (bytes.length > MAX_HEAD_BYTES) throw broken('the answer is no HTTP');
    const more = await reader.read();
    if (more === undefined) throw broken('the daemon closed the connection');
    bytes = bytes.length === 0 ? more : Buffer.concat([bytes, more]);
  }
}

/** Parses the lines before the empty one. */
export function parseHead(text: string): Head {
  const [first = '', ...lines] = text.split('\r\n');
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(first)?.[1];
  if (status === undefined) throw broken('the answer is no HTTP');
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  return { status: Number(status), headers: new Map(headers) };
}

const broken = (why: string): WherryError => new WherryError('unavailable', `error during connect: ${why}`);
