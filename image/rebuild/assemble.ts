import { setImmediate } from 'node:timers/promises';
import { internal } from '../../common/errors.ts';
import { closeFd } from '../../native/sys/files.ts';
import { readAt } from '../../native/sys/read-at.ts';
import { chunksOf } from '../../native/sys/read.ts';
import { shownName } from '../tar/entry.ts';
import { inflate } from '../workers/inflate.ts';
import { inBlocks } from '../workers/layer-blob.ts';
import { LayerFiles } from './layer-files.ts';
import { readPieces, type Piece } from './pieces.ts';

const CHUNK_BYTES = 256 * 1024;

export interface Ingredients {
  /** The file. */
  readonly recipe: string;
  /** The unpacked layer. */
  readonly directory: string;
}

/** The tar that a recipe and an unpacked layer make. Only its digest tells whether the layer is what it was. For worker threads. */
export async function* assemble(
  { recipe, directory }: Ingredients,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const files = new LayerFiles(directory);
  try {
    const pieces = readPieces(inflate(chunksOf(recipe, CHUNK_BYTES), signal));
    for await (const block of inBlocks(bytesOf(pieces, files, directory))) {
      signal.throwIfAborted();
      yield block;
      // The thread hears its messages.
      await setImmediate();
    }
  } finally {
    files.close();
  }
}

async function* bytesOf(
  pieces: AsyncIterable<Piece>,
  files: LayerFiles,
  directory: string,
): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    if (piece.kind === 'raw') yield piece.bytes;
    else yield* stretch(piece, files, directory);
  }
}

function* stretch(
  { path, offset, sizeBytes }: Extract<Piece, { kind: 'file' }>,
  files: LayerFiles,
  directory: string,
): Generator<Uint8Array> {
  const fd = files.open(path);
  if (fd === undefined) throw internal(`"${shownName(path)}" is missing in "${directory}"`);
  try {
    for (let done = 0; done < sizeBytes;) {
      const chunk = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, sizeBytes - done));
      if (readAt(fd, chunk, offset + done) < chunk.byteLength) {
        throw internal(`"${shownName(path)}" in "${directory}" is shorter than it was`);
      }
      done += chunk.byteLength;
      yield chunk;
    }
  } finally {
    closeFd(fd);
  }
}
