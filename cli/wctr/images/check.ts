import type { Descriptor } from '../../../image/registry/contract.ts';
import type { Containerd } from '../../containerd/client.ts';
import { isNotFound } from '../../containerd/errors.ts';
import { hasSnapshot } from '../snapshots/has-snapshot.ts';
import { binaryBytes } from '../sizes.ts';
import { hostPlatform, partsFor } from './documents.ts';
import { chainOf } from './unpack.ts';
import { Content } from '../../../daemon/api/containerd/gen/containerd/services/content/v1/content_pb.ts';

export interface Checked {
  /** `complete (2/2)`. */
  readonly status: string;
  /** Present and needed. */
  readonly size: string;
  readonly unpacked: string;
  /** All of it is there, unpacked too. */
  readonly ready: boolean;
}

/** Looks whether config and layers of an image are there for this host's platform, and unpacked. */
export async function checkImage(
  containerd: Containerd,
  target: Descriptor,
  snapshotter: string,
): Promise<Checked> {
  const parts = await partsFor(containerd, target, hostPlatform()).catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
  if (parts === undefined)
    return { status: 'unavailable (0/?)', size: '0/?', unpacked: 'false', ready: false };
  const wanted = [parts.config, ...parts.layers];
  const present: Descriptor[] = [];
  for (const each of wanted) if (await hasBlob(containerd, each.digest)) present.push(each);
  const isComplete = present.length === wanted.length;
  // A layer's blob is not needed once it is unpacked.
  const chain = present.includes(parts.config) ? await chainOf(containerd, parts.config) : [];
  const unpacked = chain.length > 0 && (await hasSnapshot(containerd, snapshotter, chain.at(-1) ?? ''));
  const bytes = (blobs: readonly Descriptor[]): number => blobs.reduce((sum, { size }) => sum + size, 0);
  return {
    status: `${isComplete ? 'complete' : 'incomplete'} (${present.length}/${wanted.length})`,
    size: `${binaryBytes(bytes(present))}/${binaryBytes(bytes(wanted))}`,
    unpacked: String(unpacked),
    ready: isComplete && unpacked,
  };
}

export async function hasBlob(containerd: Containerd, digest: string): Promise<boolean> {
  try {
    await containerd.service(Content).info({ digest });
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}
