import type { Containerd } from '../../containerd/client.ts';
import { isNotFound } from '../../containerd/errors.ts';
import { fullId, keptResults } from '../network/results.ts';
import {
  Tasks,
  type DeleteResponse,
} from '../../../daemon/api/containerd/gen/containerd/services/tasks/v1/tasks_pb.ts';

/** Deletes a task, then takes it out of the networks that a client put it into, also where somebody else deleted it first. */
export async function removeTask(containerd: Containerd, containerId: string): Promise<DeleteResponse> {
  const deleted = containerd.service(Tasks).delete({ containerId });
  const isGone = await deleted.then(() => true, isNotFound);
  if (!isGone) return deleted;
  const places = keptResults(fullId(containerd.namespace, containerId));
  if (places.length > 0) {
    const { leave } = await import('../network/cni.ts');
    for (const place of places) await leave(place);
  }
  return deleted;
}
