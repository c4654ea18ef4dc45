import { join } from 'node:path';
import { openContainerd } from '../containerd/client.ts';
import { isNotFound, isNotImplemented, isUnavailable, textOf } from '../containerd/errors.ts';
import { Tasks } from '../../daemon/api/containerd/gen/containerd/services/tasks/v1/tasks_pb.ts';
import { Status, StatusSchema } from '../../daemon/api/containerd/gen/containerd/types/task/task_pb.ts';
import { daemonState } from './rest.ts';
import type { Answer, Layer, Roots } from './contract.ts';

const ALIVE: ReadonlySet<number> = new Set([Status.CREATED, Status.RUNNING, Status.PAUSED, Status.PAUSING]);

/** containerd's API, as `ctr tasks ls` asks it. */
export const containerdLayer = (id: string, { execRoot, namespace }: Roots): Layer => {
  const address = join(execRoot, 'containerd.sock');
  return {
    name: 'containerd API',
    ask: async (signal) => {
      const containerd = openContainerd({ address, namespace, timeoutMs: 0, connectTimeoutMs: 0 });
      try {
        const { process } = await containerd.service(Tasks).get({ containerId: id }, { signal });
        const status = process?.status ?? Status.UNKNOWN;
        const alive = ALIVE.has(status);
        return {
          kind: 'said',
          said: {
            alive,
            paused: status === Status.PAUSED || status === Status.PAUSING,
            ...(alive ? { pid: process?.pid ?? 0 } : { exitCode: process?.exitStatus ?? 0 }),
            ...{ word: StatusSchema.value[status]?.name ?? String(status), facts: [], faults: [] },
          },
        };
      } catch (error) {
        return failed(error);
      }
    },
    whySilent: () => daemonState({ execRoot }),
    byHand: () => [
      `ctr -a ${address} -n ${namespace} tasks ls`,
      `wctr -a ${address} -n ${namespace} tasks ps ${id}`,
    ],
  };
};

function failed(error: unknown): Answer {
  // Who has ended has no task.
  if (isNotFound(error))
    return { kind: 'said', said: { alive: false, word: 'no task', facts: [], faults: [] } };
  if (isNotImplemented(error)) return { kind: 'unknown', text: textOf(error) };
  return { kind: isUnavailable(error) ? 'down' : 'silent', text: textOf(error) };
}
