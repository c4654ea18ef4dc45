import { closeFd } from '../../native/sys/files.ts';
import { readAt } from '../../native/sys/read-at.ts';
import type { TarEntry, TarSink } from '../tar/entry.ts';
import { TarReader } from '../tar/reader.ts';
import { LayerFiles } from './layer-files.ts';
import { encodePiece, MAX_RAW_BYTES, RECIPE_END, RECIPE_HEAD } from './pieces.ts';

interface OpenFile {
  readonly fd: number;
  readonly path: string;
}

/** A stretch of a file, which may go on. */
interface Stretch {
  readonly path: string;
  readonly offset: number;
  sizeBytes: number;
}

/**
 * Cuts a layer's tar into what a recipe holds. Contents are left out where the unpacked layer has the same bytes; of an entry that a
 * later one replaced, and of what was never unpacked, the recipe has the bytes. Blocks its thread, for a chunk at a time.
 */
export class Splitter implements TarSink {
  readonly #files: LayerFiles;
  readonly #reader = new TarReader(this);
  #out: Uint8Array[] = [RECIPE_HEAD];
  #chunk: Uint8Array = new Uint8Array(0);
  /** Of the chunk, what has been dealt with. */
  #done = 0;
  #raw: Uint8Array[] = [];
  #rawBytes = 0;
  #stretch: Stretch | undefined;
  #file: OpenFile | undefined;
  #position = 0;

  /** `directory` has the unpacked layer. */
  constructor(directory: string) {
    this.#files = new LayerFiles(directory);
  }

  /** Returns what of the recipe is ready. */
  push(chunk: Uint8Array): Uint8Array[] {
    this.#chunk = chunk;
    this.#done = 0;
    this.#reader.push(chunk);
    this.#keep(chunk.subarray(this.#done));
    return this.#take();
  }

  /** The rest of the recipe. */
  finish(): Uint8Array[] {
    this.#reader.finish();
    this.#flushRaw();
    this.#flushStretch();
    this.#out.push(RECIPE_END);
    return this.#take();
  }

  close(): void {
    this.end();
    this.#files.close();
  }

  entry({ type, size, name }: TarEntry): void {
    this.#position = 0;
    if (type !== 'file' || size === 0) return;
    const fd = this.#files.open(name);
    if (fd !== undefined) this.#file = { fd, path: name };
  }

  /** What the reader hands on is always a part of the chunk that it got; all between two such parts is no contents. */
  data(part: Uint8Array): void {
    const start = part.byteOffset - this.#chunk.byteOffset;
    if (start > this.#done) this.#keep(this.#chunk.subarray(this.#done, start));
    this.#done = start + part.byteLength;
    if (this.#file !== undefined && this.#isSame(this.#file, part)) this.#extend(this.#file, part.byteLength);
    else this.#keep(part);
    this.#position += part.byteLength;
  }

  hole(sizeBytes: number): void {
    this.#position += sizeBytes;
  }

  end(): void {
    if (this.#file !== undefined) closeFd(this.#file.fd);
    this.#file = undefined;
  }

  #isSame({ fd }: OpenFile, part: Uint8Array): boolean {
    const there = Buffer.allocUnsafe(part.byteLength);
    return readAt(fd, there, this.#position) === part.byteLength && there.equals(part);
  }

  #extend({ path }: OpenFile, sizeBytes: number): void {
    const open = this.#stretch;
    if (open?.path === path && open.offset + open.sizeBytes === this.#position) {
      open.sizeBytes += sizeBytes;
      return;
    }
    this.#flushRaw();
    this.#flushStretch();
    this.#stretch = { path, offset: this.#position, sizeBytes };
  }

  #keep(bytes: Uint8Array): void {
    if (bytes.byteLength === 0) return;
    this.#flushStretch();
    for (let at = 0; at < bytes.byteLength;) {
      const part = bytes.subarray(at, at + MAX_RAW_BYTES - this.#rawBytes);
      // A copy: the chunk is the caller's.
      this.#raw.push(Uint8Array.from(part));
      this.#rawBytes += part.byteLength;
      at += part.byteLength;
      if (this.#rawBytes === MAX_RAW_BYTES) this.#flushRaw();
    }
  }

  #flushRaw(): void {
    if (this.#rawBytes === 0) return;
    this.#out.push(encodePiece({ kind: 'raw', bytes: Buffer.concat(this.#raw) }));
    this.#raw = [];
    this.#rawBytes = 0;
  }

  #flushStretch(): void {
    if (this.#stretch === undefined) return;
    this.#out.push(encodePiece({ kind: 'file', ...this.#stretch }));
    this.#stretch = undefined;
  }

  #take(): Uint8Array[] {
    const out = this.#out;
    this.#out = [];
    return out;
  }
}
