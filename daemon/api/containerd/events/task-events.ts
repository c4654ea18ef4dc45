import type { ProcessExit, TaskEvent } from '../../../core/tasks/contract.ts';
import { nsToTimestamp } from '../convert/any.ts';
import {
  TaskCheckpointedSchema,
  TaskCreateSchema,
  TaskDeleteSchema,
  TaskExecAddedSchema,
  TaskExecStartedSchema,
  TaskExitSchema,
  TaskOOMSchema,
  TaskPausedSchema,
  TaskResumedSchema,
  TaskStartSchema,
} from '../gen/containerd/events/task_pb.ts';
import { RUNTIME } from '../../../core/containerd/docker-containers.ts';
import { ContainerCreateSchema, ContainerDeleteSchema } from '../gen/containerd/events/container_pb.ts';
import type { Publish } from './contract.ts';

/** Publishes what happened to a task under containerd's topic for it. */
export function publishTaskEvent(publish: Publish, event: TaskEvent): void {
  const { namespace, id: containerId } = event;
  const on = (topic: string): Parameters<Publish>[0] => ({ namespace, topic: `/tasks/${topic}` });
  switch (event.kind) {
    case 'create': {
      const { pid, bundle, stdio, checkpoint, rootfs } = event;
      const mounts = rootfs.map(({ options, ...mount }) => ({ ...mount, options: [...options] }));
      publish(on('create'), TaskCreateSchema, {
        ...{ containerId, pid, bundle, checkpoint },
        rootfs: mounts,
        io: stdio,
      });
      return;
    }
    case 'start':
      return publish(on('start'), TaskStartSchema, { containerId, pid: event.pid });
    case 'exit': {
      const { execId, pid, exit } = event;
      return publish(on('exit'), TaskExitSchema, {
        ...{ containerId, id: execId ?? containerId, pid },
        ...endOf(exit),
      });
    }
    case 'delete':
      return publish(on('delete'), TaskDeleteSchema, { containerId, pid: event.pid, ...endOf(event.exit) });
    case 'oom':
      return publish(on('oom'), TaskOOMSchema, { containerId });
    case 'paused':
      return publish(on('paused'), TaskPausedSchema, { containerId });
    case 'resumed':
      return publish(on('resumed'), TaskResumedSchema, { containerId });
    case 'exec-added':
      return publish(on('exec-added'), TaskExecAddedSchema, { containerId, execId: event.execId });
    case 'exec-started': {
      const { execId, pid } = event;
      return publish(on('exec-started'), TaskExecStartedSchema, { containerId, execId, pid });
    }
    case 'container-created':
      return publish({ namespace, topic: '/containers/create' }, ContainerCreateSchema, {
        ...{ id: containerId, runtime: { name: event.runtime ?? RUNTIME } },
      });
    case 'container-deleted':
      return publish({ namespace, topic: '/containers/delete' }, ContainerDeleteSchema, { id: containerId });
    case 'checkpointed':
      return publish(on('checkpointed'), TaskCheckpointedSchema, {
        ...{ containerId, checkpoint: event.checkpoint },
      });
  }
}

const endOf = ({ code, atNs }: ProcessExit): object => ({ exitStatus: code, exitedAt: nsToTimestamp(atNs) });
