import { invalidArgument } from '../../../common/errors.ts';
import type { Containerd } from '../../containerd/client.ts';
import { Content } from '../../../daemon/api/containerd/gen/containerd/services/content/v1/content_pb.ts';

/** The blob's bytes from `offset` on, as they come. */
export async function* readBlob(
  containerd: Containerd,
  digest: string,
  offset = 0,
): AsyncGenerator<Uint8Array> {
  const answers = containerd.service(Content).read({ digest, offset: BigInt(offset), size: 0n });
  for await (const { data } of answers) yield data;
}

/** A whole blob: for documents. */
export async function blobBytes(containerd: Containerd, digest: string): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const bytes of readBlob(containerd, digest)) parts.push(bytes);
  return Buffer.concat(parts);
}

export async function blobJson(containerd: Containerd, digest: string): Promise<unknown> {
  return JSON.parse((await blobBytes(containerd, digest)).toString());
}

/** Throws as go-digest does. */
export function checkDigest(digest: string): void {
  if (!/^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$/.test(digest))
    throw invalidArgument('invalid checksum digest format');
  if (!/^sha256:[a-f0-9]{64}$|^sha512:[a-f0-9]{128}$/.test(digest))
    throw invalidArgument(
      digest.startsWith('sha') ? 'invalid checksum digest length' : 'unsupported digest algorithm',
    );
}
