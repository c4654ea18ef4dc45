import { constants } from 'node:os';
import type { Containerd } from '../../containerd/client.ts';
import { isNotFound, textOf } from '../../containerd/errors.ts';
import {
  Containers,
  type Container,
} from '../../../daemon/api/containerd/gen/containerd/services/containers/v1/containers_pb.ts';
import { Tasks } from '../../../daemon/api/containerd/gen/containerd/services/tasks/v1/tasks_pb.ts';
import type { Process } from '../../../daemon/api/containerd/gen/containerd/types/task/task_pb.ts';

export async function getContainer(containerd: Containerd, id: string | undefined): Promise<Container> {
  if (id === undefined || id === '') throw new Error('container id must be provided');
  const { container } = await containerd.service(Containers).get({ id });
  if (container === undefined) throw new Error(`container "${id}": not found`);
  return container;
}

/** The container's task. Throws in the words of containerd's client when it has none. */
export async function getTask(containerd: Containerd, id: string): Promise<Process> {
  try {
    const { process } = await containerd.service(Tasks).get({ containerId: id });
    if (process !== undefined) return process;
  } catch (error) {
    if (!isNotFound(error)) throw error;
    throw new Error(`no running task found: ${textOf(error)}`, { cause: error });
  }
  throw new Error(`no running task found: task ${id} not found: not found`);
}

/** `KILL`, `SIGKILL` or `9`. */
export function signalNumber(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && text.trim() !== '') return number;
  const name = text.toUpperCase().startsWith('SIG') ? text.toUpperCase() : `SIG${text.toUpperCase()}`;
  const found = (constants.signals as Readonly<Record<string, number>>)[name] ?? realTime(name);
  if (found === undefined) throw new Error(`unknown signal "${text}"`);
  return found;
}

const RT_MIN = 34;
const RT_MAX = 64;

function realTime(name: string): number | undefined {
  const [, end, sign, offset = '0'] = /^SIGRT(MIN|MAX)(?:([+-])(\d+))?$/.exec(name) ?? [];
  if (end === undefined) return undefined;
  const number = (end === 'MIN' ? RT_MIN : RT_MAX) + (sign === '-' ? -1 : 1) * Number(offset);
  return number >= RT_MIN && number <= RT_MAX ? number : undefined;
}
