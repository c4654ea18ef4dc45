import { internal } from '../../common/errors.ts';

/** What a layer's tar consists of, in order: bytes, and stretches of files of the unpacked layer. Paths are byte strings. */
export type Piece =
  | { readonly kind: 'raw'; readonly bytes: Uint8Array }
  | { readonly kind: 'file'; readonly path: string; readonly offset: number; readonly sizeBytes: number };

/** Of the format: the first byte of a recipe, behind the compression with zstd. */
const VERSION = 1;
const RAW = 1;
const FILE = 2;
const END = 3;
/** Of one piece of bytes. */
export const MAX_RAW_BYTES = 64 * 1024;
const MAX_NUMBER_BYTES = 8;

export const RECIPE_HEAD = Uint8Array.of(VERSION);
export const RECIPE_END = Uint8Array.of(END);

/** Numbers are in groups of 7 bits, lowest first, the top bit set but on the last. */
export function encodePiece(piece: Piece): Uint8Array {
  if (piece.kind === 'raw') {
    return Buffer.concat([Buffer.from([RAW, ...numberBytes(piece.bytes.byteLength)]), piece.bytes]);
  }
  const path = Buffer.from(piece.path, 'latin1');
  return Buffer.concat([
    Buffer.from([FILE, ...numberBytes(path.byteLength)]),
    path,
    Buffer.from([...numberBytes(piece.offset), ...numberBytes(piece.sizeBytes)]),
  ]);
}

function numberBytes(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return [...bytes, rest];
}

/** The pieces of a recipe that comes in chunks; throws `internal` for a damaged one. */
export async function* readPieces(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Piece> {
  let rest: Buffer = Buffer.alloc(0);
  let begun = false;
  for await (const chunk of chunks) {
    rest = Buffer.concat([rest, chunk]);
    let at = 0;
    if (!begun && rest.byteLength > 0) {
      if (rest[0] !== VERSION) throw damaged();
      at = 1;
      begun = true;
    }
    for (let next = parse(rest, at); next !== undefined; next = parse(rest, at)) {
      if (next.piece === undefined) return;
      yield next.piece;
      at = next.end;
    }
    rest = rest.subarray(at);
    if (rest.byteLength > MAX_RAW_BYTES * 2) throw damaged();
  }
  throw damaged();
}

/** Undefined when more bytes are wanted; no piece at the end of the recipe. */
function parse(
  from: Buffer,
  at: number,
): { readonly piece: Piece | undefined; readonly end: number } | undefined {
  const kind = from[at];
  if (kind === undefined) return undefined;
  if (kind === END) return { piece: undefined, end: at + 1 };
  if (kind !== RAW && kind !== FILE) throw damaged();
  const length = parseNumber(from, at + 1);
  if (length === undefined) return undefined;
  const end = length.end + length.value;
  if (from.byteLength < end) return undefined;
  const bytes = from.subarray(length.end, end);
  if (kind === RAW) return { piece: { kind: 'raw', bytes }, end };
  const offset = parseNumber(from, end);
  const size = offset === undefined ? undefined : parseNumber(from, offset.end);
  if (offset === undefined || size === undefined) return undefined;
  const piece = {
    kind: 'file',
    path: bytes.toString('latin1'),
    offset: offset.value,
    sizeBytes: size.value,
  } as const;
  return { piece, end: size.end };
}

function parseNumber(from: Buffer, at: number): { readonly value: number; readonly end: number } | undefined {
  let value = 0;
  for (let index = 0; index < MAX_NUMBER_BYTES; index += 1) {
    const byte = from[at + index];
    if (byte === undefined) return undefined;
    value += (byte & 0x7f) * 0x80 ** index;
    if (byte < 0x80) return { value, end: at + index + 1 };
  }
  throw damaged();
}

const damaged = (): Error => internal('The recipe is damaged');
