import { ReadableStream } from 'node:stream/web';
import { invalidArgument, messageOf } from '../../common/errors.ts';

/** What liblzma's small sister says. Source: xz-embedded, linux/include/linux/xz.h, enum xz_ret. */
const PROBLEMS: Readonly<Record<string, string>> = {
  2: 'its checksums are of an unknown kind',
  3: 'there is no memory left for it',
  4: 'it wants a dictionary of more than 64 MiB',
  5: 'it is no xz stream',
  6: 'it has filters or checksums other than those that xz uses by itself',
  7: 'it is damaged',
  8: 'it ends early',
};

/**
 * The chunks of `source`, an xz stream or several one after the other, decompressed; closes `source` in the end. Memory holds the
 * stream's dictionary, at most 64 MiB, until the thread ends. Throws `invalid-argument` for damaged input, and what `source` throws.
 * One at a time in a thread: the next one waits.
 */
export async function* unxz(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  // For what comes seldom.
  const { default: library } = await import('xz-decompress');
  const input = ReadableStream.from<Uint8Array>(source);
  try {
    for await (const chunk of new library.XzReadableStream(input)) {
      if (chunk.byteLength > 0) yield chunk;
    }
  } catch (error) {
    const code = /^get_next_output failed with error code (\d+)$/.exec(messageOf(error))?.[1];
    if (code === undefined) throw error;
    const problem = PROBLEMS[code] ?? `error ${code}`;
    throw invalidArgument(`cannot decompress the archive with xz: ${problem}`, { cause: error });
  }
}
