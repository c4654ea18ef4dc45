import type { Containerd } from '../../containerd/client.ts';
import { standardSinks } from '../../stream/sinks.ts';
import { readBlob } from '../content/read.ts';
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
  readonly keep: boolean;
  /** Of the blob that the diff is written to. */
  readonly labels: Readonly<Record<string, string>>;
}

/** Writes the layer that leads from one snapshot to another to stdout. */
export async function printDiff(
  containerd: Containerd,
  { first, second }: Pair,
  options: Options,
): Promise<void> {
  const { mediaType, ref, keep, snapshotter, labels } = options;
  await leased(containerd, async (leasing) => {
    const { info } = await leasing.service(Snapshots).stat({ snapshotter, key: first });
    const [lower, upper] = second === '' ? [info?.parent ?? '', first] : [first, second];
    const views: string[] = [];
    const mountsOf = async (key: string): Promise<Mount[]> => {
      const { info: found } = await leasing.service(Snapshots).stat({ snapshotter, key });
      if (found?.kind !== Kind.COMMITTED)
        return (await leasing.service(Snapshots).mounts({ snapshotter, key })).mounts;
      const view = `wctr-diff-${key}-${process.pid}`;
      const made = await leasing.service(Snapshots).view({ snapshotter, key: view, parent: key });
      views.push(view);
      return made.mounts;
    };
    try {
      const left = lower === '' ? [] : await mountsOf(lower);
      const right = await mountsOf(upper);
      const { diff } = await leasing
        .service(Diff)
        .diff({ left, right, mediaType, ref, labels: { ...labels, ...(keep ? rootLabel() : {}) } });
      const { stdout } = standardSinks();
      for await (const bytes of readBlob(leasing, diff?.digest ?? '')) await stdout.write(bytes);
      if (!keep) await leasing.service(Content).delete({ digest: diff?.digest ?? '' });
    } finally {
      for (const key of views) await leasing.service(Snapshots).remove({ snapshotter, key });
    }
  });
}
