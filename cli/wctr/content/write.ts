import { createHash } from 'node:crypto';
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Digest } from '../../../image/digest.ts';
import type { Containerd } from '../../containerd/client.ts';
import { isAlreadyThere, textOf } from '../../containerd/errors.ts';
import {
  Content,
  WriteAction,
  type WriteContentRequestSchema,
} from '../../../daemon/api/containerd/gen/containerd/services/content/v1/content_pb.ts';

export interface Ingest {
  /** Names the transfer: who comes again with it goes on where it ended. */
  readonly ref: string;
  /** Bytes; 0 where nobody knows. */
  readonly size: number;
  /** Digest; empty where nobody knows. */
  readonly expected: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** More does not fit a gRPC message of containerd's servers. */
const CHUNK_BYTES = 1 << 20;

type Message = MessageInitShape<typeof WriteContentRequestSchema>;

/** Writes a blob into the content store, and returns its digest; one that is there already is left as it is. */
export async function writeBlob(
  containerd: Containerd,
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  { ref, size, expected, labels = {} }: Ingest,
): Promise<string> {
  const total = BigInt(size);
  const place = { ref, total, expected };
  let written = 0n;
  let committing = false;
  async function* requests(): AsyncGenerator<Message> {
    for await (const bytes of source) {
      for (let start = 0; start < bytes.length; start += CHUNK_BYTES) {
        const data = bytes.subarray(start, start + CHUNK_BYTES);
        yield { ...place, action: WriteAction.WRITE, offset: written, data };
        written += BigInt(data.length);
      }
    }
    committing = true;
    yield {
      ...place,
      action: WriteAction.COMMIT,
      offset: written,
      total: total || written,
      labels: { ...labels },
    };
  }
  let digest = expected;
  try {
    // What an earlier attempt left would stand before what is written now.
    await containerd
      .service(Content)
      .abort({ ref })
      .catch(() => undefined);
    for await (const answer of containerd.service(Content).write(requests()))
      digest = answer.digest || digest;
  } catch (error) {
    if (isAlreadyThere(error)) return digest;
    if (!committing) throw error;
    // As containerd's clients say it.
    throw new Error(`failed commit on ref ${JSON.stringify(ref)}: commit failed: ${textOf(error)}`, {
      cause: error,
    });
  }
  return digest;
}

/** The same of bytes that nobody knows before. Returns what they are, also when they were there already. */
export async function writeHashed(
  containerd: Containerd,
  source: AsyncIterable<Uint8Array>,
  { ref, labels }: Pick<Ingest, 'ref' | 'labels'>,
): Promise<{ readonly digest: Digest; readonly size: number }> {
  let size = 0;
  const hash = createHash('sha256');
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const bytes of source) {
      size += bytes.length;
      hash.update(bytes);
      yield bytes;
    }
  }
  await writeBlob(containerd, counted(), { ref, size: 0, expected: '', ...(labels ? { labels } : {}) });
  return { digest: `sha256:${hash.digest('hex')}` as Digest, size };
}
