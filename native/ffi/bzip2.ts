import { loadLibrary } from './library.ts';

/** The only use of libbz2, which Debian has wherever dpkg is. Source: bzlib.h. */
const LIBRARY = 'libbz2.so.1.0';

/** Of bz_stream with pointers of 8 bytes, all of them little endian. */
const STREAM = { bytes: 80, nextIn: 0, availIn: 8, nextOut: 24, availOut: 32 } as const;

const BZ_STREAM_END = 4;

interface Calls {
  readonly init: (stream: Uint8Array, verbosity: number, small: number) => number;
  readonly step: (stream: Uint8Array) => number;
  readonly end: (stream: Uint8Array) => number;
  /** Of nothing: it returns the address of the first one. */
  readonly move: (to: Uint8Array, from: Uint8Array, bytes: number) => number | bigint;
}

export interface Bzip2Step {
  /** How much of the input it took. */
  readonly taken: number;
  /** How much of the output it filled. */
  readonly given: number;
  readonly ended: boolean;
}

/** One stream of bzip2, which holds 4 MB at most outside of V8's heap until it is closed. */
export interface Bzip2Stream extends Disposable {
  /** Decompresses as much as one of both has room for; a negative number is what libbz2 says of damaged input. Holds the thread: 10 ms for 256 KB. */
  step(input: Uint8Array, output: Uint8Array): Bzip2Step | number;
}

/** Makes streams; undefined where `library` is not there. */
export function openBzip2(library = LIBRARY): (() => Bzip2Stream) | undefined {
  let calls: Calls;
  try {
    calls = bindCalls(library);
  } catch {
    return undefined;
  }
  return () => openStream(calls);
}

function bindCalls(name: string): Calls {
  const library = loadLibrary(name);
  const libc = loadLibrary('libc.so.6');
  return {
    init: library.func('int BZ2_bzDecompressInit(void *stream, int verbosity, int small)') as Calls['init'],
    step: library.func('int BZ2_bzDecompress(void *stream)') as Calls['step'],
    end: library.func('int BZ2_bzDecompressEnd(void *stream)') as Calls['end'],
    move: libc.func('uint64_t memmove(void *to, void *from, size_t bytes)') as Calls['move'],
  };
}

function openStream(calls: Calls): Bzip2Stream {
  // Where it lies is remembered by the library: memory outside of V8's heap, which never moves, as that of the chunks is.
  const stream = Buffer.allocUnsafeSlow(STREAM.bytes).fill(0);
  const status = calls.init(stream, 0, 0);
  if (status !== 0) throw new Error(`BZ2_bzDecompressInit: ${status}`);
  const place = (bytes: Uint8Array, next: number, available: number): void => {
    stream.writeBigUInt64LE(BigInt(calls.move(bytes, bytes, 0)), next);
    stream.writeUInt32LE(bytes.byteLength, available);
  };
  return {
    step: (input, output) => {
      place(input, STREAM.nextIn, STREAM.availIn);
      place(output, STREAM.nextOut, STREAM.availOut);
      const result = calls.step(stream);
      if (result < 0) return result;
      const taken = input.byteLength - stream.readUInt32LE(STREAM.availIn);
      const given = output.byteLength - stream.readUInt32LE(STREAM.availOut);
      return { taken, given, ended: result === BZ_STREAM_END };
    },
    [Symbol.dispose]: () => void calls.end(stream),
  };
}
