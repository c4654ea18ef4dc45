import { WherryError } from '../../common/errors.ts';
import type { ByteReader } from './byte-reader.ts';
import type { Head } from './head.ts';

/** An answer's body without its framing: chunked, counted, or up to the end of the connection. */
export function readBody(reader: ByteReader, { status, headers }: Head): AsyncIterable<Buffer> {
  if (status === 204 || status === 304 || status < 200) return nothing();
  if (headers.get('transfer-encoding')?.toLowerCase() === 'chunked') return chunks(reader);
  const length = headers.get('content-length');
  return length === undefined ? untilEnd(reader) : counted(reader, Number(length));
}

async function* nothing(): AsyncGenerator<Buffer> {}

async function* untilEnd(reader: ByteReader): AsyncGenerator<Buffer> {
  for (let bytes = await reader.read(); bytes !== undefined; bytes = await reader.read()) yield bytes;
}

async function* counted(reader: ByteReader, length: number): AsyncGenerator<Buffer> {
  for (let left = length; left > 0;) {
    const bytes = await reader.read();
    if (bytes === undefined) throw cut();
    const mine = bytes.subarray(0, left);
    reader.unread(bytes.subarray(mine.length));
    left -= mine.length;
    yield mine;
  }
}

async function* chunks(reader: ByteReader): AsyncGenerator<Buffer> {
  for (;;) {
    const size = Number.parseInt(await readLine(reader), 16);
    if (!(size >= 0)) throw cut();
    if (size === 0) return;
    yield* counted(reader, size);
    await readLine(reader);
  }
}

async function readLine(reader: ByteReader): Promise<string> {
  let line: Buffer = Buffer.alloc(0);
  for (;;) {
    const end = line.indexOf('\n');
    if (end >= 0) {
      reader.unread(line.subarray(end + 1));
      return line.toString('latin1', 0, end).trim();
    }
    const more = await reader.read();
    if (more === undefined) throw cut();
    line = Buffer.concat([line, more]);
  }
}

const cut = (): WherryError => new WherryError('unavailable', 'unexpected EOF');
