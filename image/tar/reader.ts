import { invalidArgument } from '../../common/errors.ts';
import { makeEntry } from './make-entry.ts';
import type { TarEntry, TarSink } from './entry.ts';
import { BLOCK_BYTES, isZeroBlock, parseHeader, type Header } from './header.ts';
import { parsePax } from './pax.ts';
import { sparseFile, type SparseFile } from './sparse-file.ts';
import { checkSegments, type Segment } from './sparse.ts';

/** Of one extended header, as Go's reader has it: what a layer states about one file never needs more. */
const MAX_EXTENDED_BYTES = 1 << 20;

/** `meta` collects an extended header, `map` what a sparse file consists of, `data` hands a file's bytes on, `skip` drops padding. */
type State =
  | { readonly kind: 'header' }
  | { readonly kind: 'meta'; readonly header: Header; readonly parts: Uint8Array[]; left: number }
  | { readonly kind: 'map'; readonly file: SparseFile; readonly entry: TarEntry }
  | Data
  | { readonly kind: 'skip'; left: number }
  | { readonly kind: 'ended' };

interface Data {
  readonly kind: 'data';
  /** Of the segment that is being read. */
  left: number;
  /** Where it ends. */
  end: number;
  readonly further: Iterator<Segment>;
  readonly size: number;
  readonly padding: number;
}

const NO_SEGMENTS: readonly Segment[] = [];

/**
 * Reads a tar archive of any size from chunks that are pushed, synchronously and in constant memory: in a worker each entry is a
 * few system calls, and waiting between them would cost more than they do. tar-stream is not used here because it decodes pax
 * values as UTF-8, which destroys binary attributes such as security.capability. Knows v7, ustar, pax, GNU and star; throws
 * `invalid-argument` for anything else. A reader that threw is not used again.
 */
export class TarReader {
  readonly #sink: TarSink;
  #state: State = { kind: 'header' };
  /** The beginning of a header block that came in parts. */
  #partial: Uint8Array = new Uint8Array(0);
  #zeroBlocks = 0;
  #pax = new Map<string, string>();
  #longName: string | undefined;
  #longLink: string | undefined;

  constructor(sink: TarSink) {
    this.#sink = sink;
  }

  push(chunk: Uint8Array): void {
    let rest = chunk;
    while (rest.byteLength > 0) rest = this.#step(rest);
  }

  /** Call at the end of the input: throws when it ends within a member. */
  finish(): void {
    const { kind } = this.#state;
    const whole = kind === 'ended' || (kind === 'header' && this.#partial.byteLength === 0);
    if (!whole) throw invalidArgument('invalid tar archive: unexpected end');
  }

  /** Consumes some of the chunk and returns the rest. */
  #step(chunk: Uint8Array): Uint8Array {
    const state = this.#state;
    if (state.kind === 'header' || state.kind === 'map') return this.#collectBlock(chunk, state);
    if (state.kind === 'ended') return chunk.subarray(chunk.byteLength);
    const part = chunk.subarray(0, state.left);
    state.left -= part.byteLength;
    if (state.kind === 'meta') state.parts.push(Uint8Array.from(part));
    if (state.kind === 'data') this.#sink.data(part);
    if (state.left === 0) this.#finishPart(state);
    return chunk.subarray(part.byteLength);
  }

  #finishPart(state: Extract<State, { kind: 'meta' | 'data' | 'skip' }>): void {
    if (state.kind === 'meta') {
      const data = Buffer.concat(state.parts);
      const { size } = state.header;
      this.#extend(state.header, data.subarray(0, size));
    }
    if (state.kind === 'data') this.#nextSegment(state);
    else this.#state = { kind: 'header' };
  }

  /** Goes on to the next segment that has data, or ends the file. */
  #nextSegment(state: Data): void {
    for (let next = state.further.next(); next.done !== true; next = state.further.next()) {
      const { offset, sizeBytes } = next.value;
      this.#hole(offset - state.end);
      state.end = offset + sizeBytes;
      state.left = sizeBytes;
      if (sizeBytes > 0) return;
    }
    this.#hole(state.size - state.end);
    this.#sink.end();
    this.#skip(state.padding);
  }

  #hole(sizeBytes: number): void {
    if (sizeBytes === 0) return;
    // Zeros without end are no way out: a header of some bytes can ask for petabytes of them.
    if (this.#sink.hole === undefined) {
      throw invalidArgument('cannot read the tar archive: a sparse file is not supported here');
    }
    this.#sink.hole(sizeBytes);
  }

  #skip(bytes: number): void {
    this.#state = bytes === 0 ? { kind: 'header' } : { kind: 'skip', left: bytes };
  }

  #collectBlock(chunk: Uint8Array, state: Extract<State, { kind: 'header' | 'map' }>): Uint8Array {
    const missing = BLOCK_BYTES - this.#partial.byteLength;
    const part = chunk.subarray(0, missing);
    const block = this.#partial.byteLength === 0 ? part : Buffer.concat([this.#partial, part]);
    if (block.byteLength < BLOCK_BYTES) {
      this.#partial = Uint8Array.from(block);
    } else {
      this.#partial = new Uint8Array(0);
      if (state.kind === 'header') this.#header(block);
      else this.#map(block, state);
    }
    return chunk.subarray(part.byteLength);
  }

  #header(block: Uint8Array): void {
    if (isZeroBlock(block)) {
      this.#zeroBlocks += 1;
      if (this.#zeroBlocks === 2) this.#state = { kind: 'ended' };
      return;
    }
    if (this.#zeroBlocks > 0) throw invalidArgument('invalid tar header: data after a zero block');
    const header = parseHeader(block);
    if ('xgLK'.includes(header.typeFlag)) this.#beginExtended(header);
    else this.#beginEntry(header, block);
  }

  #beginExtended(header: Header): void {
    const { size } = header;
    if (size < 0 || size > MAX_EXTENDED_BYTES) {
      throw invalidArgument(`invalid tar header: an extended header of ${size} bytes`);
    }
    if (size === 0) return;
    this.#state = { kind: 'meta', header, parts: [], left: size + padding(size) };
  }

  #extend(header: Header, data: Uint8Array): void {
    const text = (): string =>
      Buffer.from(data)
        .toString('latin1')
        .replace(/\0[^]*$/, '');
    if (header.typeFlag === 'x') this.#pax = parsePax(data);
    if (header.typeFlag === 'L') this.#longName = text();
    if (header.typeFlag === 'K') this.#longLink = text();
    // A global header ('g') is what `git archive` writes its commit into; docker ignores it too.
  }

  #beginEntry(header: Header, block: Uint8Array): void {
    const pax = this.#pax;
    const stated = makeEntry(header, { pax, name: this.#longName, linkName: this.#longLink });
    this.#pax = new Map();
    this.#longName = undefined;
    this.#longLink = undefined;
    const file = stated.type === 'file' ? sparseFile({ header, block, pax }) : undefined;
    if (file === undefined) {
      this.#beginData(stated, stated.size);
      return;
    }
    const entry = { ...stated, size: file.sizeBytes };
    if (file.map.done) this.#beginSparse(entry, file);
    else this.#state = { kind: 'map', file, entry };
  }

  #map(block: Uint8Array, { file, entry }: Extract<State, { kind: 'map' }>): void {
    file.map.push(block);
    if (file.map.done) this.#beginSparse(entry, file);
  }

  #beginSparse(entry: TarEntry, file: SparseFile): void {
    const stored = file.storedBytes();
    const { segments } = file.map;
    checkSegments(segments, { storedBytes: stored, sizeBytes: entry.size, name: entry.name });
    this.#beginData(entry, stored, segments);
  }

  /** `segments` only of a sparse file. */
  #beginData(entry: TarEntry, stored: number, segments?: readonly Segment[]): void {
    this.#sink.entry(entry);
    const sparse = segments !== undefined;
    const further = (segments ?? NO_SEGMENTS).values();
    const [left, end] = sparse ? [0, 0] : [stored, entry.size];
    const state: Data = { kind: 'data', left, end, further, size: entry.size, padding: padding(stored) };
    this.#state = state;
    if (left === 0) this.#nextSegment(state);
  }
}

const padding = (size: number): number => (BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES;
