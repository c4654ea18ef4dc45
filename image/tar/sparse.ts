import { invalidArgument } from '../../common/errors.ts';
import { shownName } from './entry.ts';
import { BLOCK_BYTES, parseNumber } from './header.ts';

/** Bytes of a sparse file that an archive holds; all others are zeros. */
export interface Segment {
  readonly offset: number;
  readonly sizeBytes: number;
}

/** Of a file's map, as Go's reader has it. */
const MAX_MAP_BYTES = 1 << 20;

/** A map that comes in blocks ahead of the data. `push` takes blocks until `done`. */
export interface MapReader {
  readonly done: boolean;
  readonly segments: readonly Segment[];
  push(block: Uint8Array): void;
}

/** GNU's old format: four segments in the header, then blocks of 21 (GNU tar manual, "Storing Sparse Files"). */
export function oldMap(header: Uint8Array): MapReader {
  const segments: Segment[] = [];
  const take = (block: Uint8Array, [from, count, next]: readonly [number, number, number]): boolean => {
    for (let at = from; at < from + count * 24; at += 24) {
      if (block[at] === 0) break;
      segments.push({ offset: parseNumber(block, at, 12), sizeBytes: parseNumber(block, at + 12, 12) });
    }
    return block[next] === 0;
  };
  let blocks = 0;
  let done = take(header, [386, 4, 482]);
  return {
    segments,
    get done() {
      return done;
    },
    push: (block) => {
      if ((blocks += 1) * BLOCK_BYTES > MAX_MAP_BYTES) throw tooLong();
      done = take(block, [0, 21, 504]);
    },
  };
}

/** Where the header states the logical size. */
export const oldSparseSize = (header: Uint8Array): number => parseNumber(header, 483, 12);

/** GNU's format 1.0: decimal lines, how many segments and then offset and length of each, filled up to a block. */
export function paxMap(): MapReader & { readonly bytes: number } {
  const numbers: number[] = [];
  let line = '';
  let bytes = 0;
  const wanted = (): number => 1 + 2 * (numbers[0] ?? 0);
  return {
    get bytes() {
      return bytes;
    },
    get done() {
      return numbers.length > 0 && numbers.length >= wanted();
    },
    get segments() {
      return pairs(numbers.slice(1));
    },
    push: (block) => {
      if ((bytes += block.byteLength) > MAX_MAP_BYTES) throw tooLong();
      for (const character of Buffer.from(block).toString('latin1')) {
        if (numbers.length > 0 && numbers.length >= wanted()) return;
        if (character === '\n') {
          numbers.push(decimal(line));
          line = '';
        } else if ((line += character).length > 20) throw malformed();
      }
    },
  };
}

/** GNU's formats 0.0 and 0.1: `offset,length,offset,length` in an extended header. */
export function listedMap(text: string): Segment[] {
  return text === '' ? [] : pairs(text.split(',').map(decimal));
}

/** Segments lie in order, within the file, and are what the archive holds. Throws `invalid-argument`. */
export function checkSegments(
  segments: readonly Segment[],
  { storedBytes, sizeBytes, name }: { storedBytes: number; sizeBytes: number; name: string },
): void {
  let end = 0;
  let sum = 0;
  for (const { offset, sizeBytes: bytes } of segments) {
    if (offset < end || bytes < 0) throw malformed(name);
    end = offset + bytes;
    sum += bytes;
  }
  if (end > sizeBytes || sum !== storedBytes || !Number.isSafeInteger(sizeBytes)) throw malformed(name);
}

function pairs(numbers: readonly number[]): Segment[] {
  if (numbers.length % 2 !== 0) throw malformed();
  return Array.from({ length: numbers.length / 2 }, (_, index) => ({
    offset: numbers[2 * index] ?? 0,
    sizeBytes: numbers[2 * index + 1] ?? 0,
  }));
}

function decimal(text: string): number {
  if (!/^\d{1,16}$/.test(text) || !Number.isSafeInteger(Number(text))) throw malformed();
  return Number(text);
}

const malformed = (name?: string): Error =>
  invalidArgument(
    `invalid tar header: malformed map of a sparse file${name === undefined ? '' : ` "${shownName(name)}"`}`,
  );

const tooLong = (): Error => invalidArgument('invalid tar header: the map of a sparse file is too long');
