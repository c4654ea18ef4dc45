import type { Containerd } from '../../containerd/client.ts';
import { removeTask } from '../tasks/remove-task.ts';
import { statusName } from '../tasks/status.ts';
import { removeFifos } from '../io/fifos.ts';
import { isNotFound } from '../../containerd/errors.ts';
import { Containers } from '../../../daemon/api/containerd/gen/containerd/services/containers/v1/containers_pb.ts';
import { Snapshots } from '../../../daemon/api/containerd/gen/containerd/services/snapshots/v1/snapshots_pb.ts';
import { Tasks } from '../../../daemon/api/containerd/gen/containerd/services/tasks/v1/tasks_pb.ts';
import { Status } from '../../../daemon/api/containerd/gen/containerd/types/task/task_pb.ts';

/** Deletes a container, the task of it that has ended, and its snapshot. Throws when its task still runs. */
export async function deleteContainer(
  containerd: Containerd,
  id: string,
  { keepSnapshot }: { readonly keepSnapshot: boolean },
): Promise<void> {
  const { container } = await containerd.service(Containers).get({ id });
  await deleteEndedTask(containerd, id);
  if (!keepSnapshot && container !== undefined && container.snapshotKey !== '') {
    const { snapshotter, snapshotKey: key } = container;
    try {
      await containerd.service(Snapshots).remove({ snapshotter, key });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
  await containerd.service(Containers).delete({ id });
}

async function deleteEndedTask(containerd: Containerd, id: string): Promise<void> {
  const tasks = containerd.service(Tasks);
  // A task that can't be asked for keeps nobody from deleting the container, as with ctr.
  const { process } = await tasks.get({ containerId: id }).catch(() => ({ process: undefined }));
  if (process === undefined) return;
  const { status } = process;
  if (status !== Status.STOPPED && status !== Status.CREATED) {
    // As Go prints its own type: status, exit code and time of the exit.
    throw new Error(
      `cannot delete a non stopped container: {${statusName(status).toLowerCase()} 0 0001-01-01 00:00:00 +0000 UTC}`,
    );
  }
  await removeTask(containerd, id);
  removeFifos(process);
}
