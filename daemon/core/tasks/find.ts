import { conflict, notFound } from '../../../common/errors.ts';
import { DOCKER_NAMESPACE } from '../../../image/namespaces/docker.ts';
import type { Entry, Run } from '../containers/table.ts';
import type { Core } from '../core.ts';
import type { ProcessRef, TaskRef } from './contract.ts';
import type { TaskParts } from './parts.ts';
import type { ProcessEntry } from './process.ts';

/** What a task is: a process of ours, or one of docker's containers while it runs. */
export type Task =
  | { readonly kind: 'own'; readonly entry: ProcessEntry }
  | { readonly kind: 'docker'; readonly entry: Entry; readonly run: Run };

/** Throws `not-found` in containerd's words: of the container, else of its task. */
export async function findTask({ core, records }: TaskParts, { namespace, id }: TaskRef): Promise<Task> {
  const found = namespace === DOCKER_NAMESPACE ? dockerTask(core, id) : ownTask(core, { namespace, id });
  if (found !== undefined) return found;
  await records.get(namespace, id);
  throw notFound(`task ${id} not found`);
}

export function dockerTask(core: Core, id: string): Task | undefined {
  const entry = core.table.byId(id);
  return entry?.run === undefined ? undefined : { kind: 'docker', entry, run: entry.run };
}

function ownTask(core: Core, { namespace, id }: TaskRef): Task | undefined {
  const entry = core.tasks.get({ namespace, id, execId: undefined });
  // One that is not whole yet is nobody's.
  return entry === undefined || entry.state.kind === 'creating' ? undefined : { kind: 'own', entry };
}

/** An exec, or a task of our own. Throws `conflict` for a task of docker's. */
export async function findProcess(parts: TaskParts, ref: ProcessRef): Promise<ProcessEntry> {
  const task = await findTask(parts, ref);
  if (ref.execId !== undefined) return parts.core.tasks.exec(ref);
  if (task.kind === 'docker')
    throw conflict(`task ${ref.id} is docker's: use docker's API: failed precondition`);
  return task.entry;
}
