import type { Containerd } from '../../containerd/client.ts';
import { isNotFound } from '../../containerd/errors.ts';
import { Snapshots } from '../../../daemon/api/containerd/gen/containerd/services/snapshots/v1/snapshots_pb.ts';

/** Whether there is a snapshot of that name. */
export async function hasSnapshot(
  containerd: Containerd,
  snapshotter: string,
  key: string,
): Promise<boolean> {
  try {
    await containerd.service(Snapshots).stat({ snapshotter, key });
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}
