import { setImmediate } from 'node:timers/promises';
import { invalidArgument } from '../../common/errors.ts';
import { openBzip2, type Bzip2Stream } from '../../native/ffi/bzip2.ts';

/** Source: bzlib.h. */
const PROBLEMS: Readonly<Record<number, string>> = {
  [-3]: 'there is no memory left for it',
  [-4]: 'it is damaged',
  [-5]: 'it is no bzip2 stream',
};

const OUTPUT_BYTES = 256 * 1024;

/**
 * The chunks of `source`, a bzip2 stream or, as parallel compressors write them, many one after the other, decompressed; closes `source`
 * in the end. Memory holds a block of the stream, less than 4 MB. Throws `invalid-argument` for damaged input and without libbz2, and
 * what `source` throws. For worker threads.
 */
export async function* bunzip2(
  source: AsyncIterable<Uint8Array>,
  libraryName?: string,
): AsyncGenerator<Uint8Array> {
  const library = openBzip2(libraryName);
  const state: State = { stream: undefined };
  try {
    for await (const chunk of source) {
      if (library === undefined) throw withoutLibrary();
      yield* decompressed(chunk, state, library);
    }
    if (state.stream !== undefined) throw problem('it ends early');
  } finally {
    state.stream?.[Symbol.dispose]();
  }
}

interface State {
  /** Undefined between two streams. */
  stream: Bzip2Stream | undefined;
}

async function* decompressed(
  chunk: Uint8Array,
  state: State,
  open: () => Bzip2Stream,
): AsyncGenerator<Uint8Array> {
  for (let input = chunk; input.byteLength > 0;) {
    const stream = (state.stream ??= open());
    const output = Buffer.allocUnsafeSlow(OUTPUT_BYTES);
    const step = stream.step(input, output);
    if (typeof step === 'number') throw problem(PROBLEMS[step] ?? `error ${step}`);
    if (step.ended) {
      stream[Symbol.dispose]();
      state.stream = undefined;
    }
    input = input.subarray(step.taken);
    if (step.given > 0) yield output.subarray(0, step.given);
    // The thread hears its messages.
    await setImmediate();
  }
}

const problem = (text: string): Error => invalidArgument(`cannot decompress the archive with bzip2: ${text}`);

const withoutLibrary = (): Error =>
  invalidArgument(
    'cannot read an archive compressed with bzip2: use gzip, zstd, xz or none, or install libbz2-1.0',
  );
