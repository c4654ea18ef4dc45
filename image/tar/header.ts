import { invalidArgument } from '../../common/errors.ts';

export const BLOCK_BYTES = 512;

/** The fields of one 512-byte header block, before extended headers are applied. Strings are byte strings. */
export interface Header {
  readonly typeFlag: string;
  readonly name: string;
  readonly linkName: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtimeSeconds: number;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
}

export const isZeroBlock = (block: Uint8Array): boolean => block.every((byte) => byte === 0);

/**
 * Reads a header in the v7, ustar, GNU or star format. Throws `invalid-argument` for a wrong checksum or number.
 * Source: man 5 tar (libarchive), POSIX.1-2017 pax, "ustar Interchange Format".
 */
export function parseHeader(block: Uint8Array): Header {
  if (!hasChecksum(block)) throw invalidArgument('invalid tar header: wrong checksum');
  const prefix = prefixOf(block);
  const name = text(block, 0, 100);
  return {
    typeFlag: String.fromCharCode(block[156] ?? 0),
    name: prefix === '' ? name : `${prefix}/${name}`,
    linkName: text(block, 157, 100),
    mode: parseNumber(block, 100, 8),
    uid: parseNumber(block, 108, 8),
    gid: parseNumber(block, 116, 8),
    size: parseNumber(block, 124, 12),
    mtimeSeconds: parseNumber(block, 136, 12),
    deviceMajor: parseNumber(block, 329, 8),
    deviceMinor: parseNumber(block, 337, 8),
  };
}

/** POSIX ustar has 155 bytes of prefix, star 131; GNU keeps other things there, v7 nothing. */
function prefixOf(block: Uint8Array): string {
  if (latin1(block, 257, 6) !== 'ustar\0') return '';
  return text(block, 345, latin1(block, 508, 4) === 'tar\0' ? 131 : 155);
}

/** The sum of all bytes with the checksum itself as spaces; old programs summed signed bytes. */
function hasChecksum(block: Uint8Array): boolean {
  let unsigned = 8 * 0x20;
  let signed = unsigned;
  for (let at = 0; at < BLOCK_BYTES; at += 1) {
    if (at >= 148 && at < 156) continue;
    const byte = block[at] ?? 0;
    unsigned += byte;
    signed += byte > 127 ? byte - 256 : byte;
  }
  const stated = parseNumber(block, 148, 8);
  return stated === unsigned || stated === signed;
}

/** Octal digits between spaces and NULs, or base 256 when the first bit is set. */
export function parseNumber(block: Uint8Array, offset: number, length: number): number {
  const first = block[offset] ?? 0;
  if (first >= 0x80) return base256(block.subarray(offset, offset + length));
  const digits = latin1(block, offset, length)
    .replace(/\0[^]*$/, '')
    .trim();
  if (digits === '') return 0;
  if (!/^[0-7]+$/.test(digits)) throw invalidArgument(`invalid tar header: "${digits}" is no octal number`);
  return Number.parseInt(digits, 8);
}

function base256(bytes: Uint8Array): number {
  const negative = ((bytes[0] ?? 0) & 0x40) !== 0;
  let value = negative ? -1n : 0n;
  for (const [index, byte] of bytes.entries()) {
    const bits = index === 0 ? (negative ? byte | 0x80 : byte & 0x7f) : byte;
    value = (value << 8n) | BigInt(bits);
  }
  if (value > Number.MAX_SAFE_INTEGER || value < Number.MIN_SAFE_INTEGER) {
    throw invalidArgument(`invalid tar header: ${value} is too large`);
  }
  return Number(value);
}

const latin1 = (block: Uint8Array, offset: number, length: number): string =>
  Buffer.from(block.buffer, block.byteOffset + offset, length).toString('latin1');

/** Up to the first NUL. */
function text(block: Uint8Array, offset: number, length: number): string {
  const raw = latin1(block, offset, length);
  const end = raw.indexOf('\0');
  return end === -1 ? raw : raw.slice(0, end);
}
