import type { Descriptor } from '../../../image/registry/contract.ts';
import type { Containerd } from '../../containerd/client.ts';
import { standardSinks } from '../../stream/sinks.ts';
import { readBlob } from '../content/read.ts';
import { fromWire } from '../images/documents.ts';
import { rootLabel } from '../labels.ts';
import { leased } from '../leases/lease.ts';
import { Content } from '../../../daemon/api/containerd/gen/containerd/services/content/v1/content_pb.ts';
import { Diff } from '../../../daemon/api/containerd/gen/containerd/services/diff/v1/diff_pb.ts';
import {
  Kind,
  Snapshots,
} from '../../../daemon/api/containerd/gen/containerd/services/snapshots/v1/snapshots_pb.ts';
import type { Mount } from '../../../daemon/api/containerd/gen/containerd/types/mount_pb.ts';

interface Pair {
  readonly first: string;
  /** Empty: the first one's parent. */
  readonly second: string;
}

interface Options {
  readonly snapshotter: string;
  readonly mediaType: string;
  readonly ref: string;
  /** Of the blob that the diff is written to. */
  readonly labels: Readonly<Record<string, string>>;
}

/** Writes the layer that leads from one snapshot to another to stdout. */
export async function printDiff(
  containerd: Containerd,
  pair: Pair,
  { keep, labels, ...options }: Options & { readonly keep: boolean },
): Promise<void> {
  await leased(containerd, async (leasing) => {
    const { digest } = await makeDiff(leasing, pair, {
      ...options,
      labels: { ...labels, ...(keep ? rootLabel() : {}) },
    });
    const { stdout } = standardSinks();
    for await (const bytes of readBlob(leasing, digest)) await stdout.write(bytes);
    if (!keep) await leasing.service(Content).delete({ digest });
  });
}

/** Makes it, as content. */
export async function makeDiff(
  containerd: Containerd,
  { first, second }: Pair,
  { snapshotter, mediaType, ref, labels }: Options,
): Promise<Descriptor> {
  const snapshots = containerd.service(Snapshots);
  const { info } = await snapshots.stat({ snapshotter, key: first });
  const [lower, upper] = second === '' ? [info?.parent ?? '', first] : [first, second];
  const views: string[] = [];
  const mountsOf = async (key: string): Promise<Mount[]> => {
    const { info: found } = await snapshots.stat({ snapshotter, key });
    if (found?.kind !== Kind.COMMITTED) return (await snapshots.mounts({ snapshotter, key })).mounts;
    const view = `wctr-diff-${key}-${process.pid}`;
    const made = await snapshots.view({ snapshotter, key: view, parent: key });
    views.push(view);
    return made.mounts;
  };
  try {
    const left = lower === '' ? [] : await mountsOf(lower);
    const right = await mountsOf(upper);
    const { diff } = await containerd
      .service(Diff)
      .diff({ left, right, mediaType, ref, labels: { ...labels } });
    return fromWire(diff);
  } finally {
    for (const key of views) await snapshots.remove({ snapshotter, key });
  }
}
