import { closeSync, constants, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { conflict, internal } from '../../common/errors.ts';
import { pidfdOpen } from '../../native/sys/pidfd.ts';
import { pollReadable } from '../../native/sys/wait.ts';
import { START_FIFO } from '../keeper.ts';
import type { ContainerRecord, Settings } from './contract.ts';
import { destroy } from './destroy.ts';
import { runHooks } from './hooks.ts';
import { removeStartFifo, startDirectory } from './state-directory.ts';
import { statusOf } from './status.ts';

const FOREVER_MS = 2 ** 31;

/**
 * Lets the init of a created container run its program. Throws `conflict` in runc's words for one in another state, and what a hook
 * failed of: the container is ended and deleted then (runtime-spec runtime.md, "Lifecycle", 8 and 10).
 */
export async function start(settings: Settings, record: ContainerRecord): Promise<void> {
  const status = statusOf(settings, record);
  if (status === 'stopped') throw conflict('cannot start a container that has stopped');
  if (status === 'running') throw conflict('cannot start an already running container');
  if (status !== 'created') throw conflict(`cannot start a container in the ${status} state`);
  try {
    runHooks(record, { point: 'startContainer', status: 'created' });
    release(settings, record);
    removeStartFifo(settings.root, record.id);
    runHooks(record, { point: 'poststart', status: 'running' });
  } catch (error) {
    await destroy(settings, record);
    throw error;
  }
}

/** Opens the FIFO for reading, which is what the init waits for, and waits for its answer or its end. */
function release({ root }: Settings, { id, init }: ContainerRecord): void {
  if (init === undefined) throw internal(`container ${id} has no process`);
  const pidfd = pidfdOpen(init.pid);
  const fifo = openSync(
    join(startDirectory(root, id), START_FIFO),
    constants.O_RDONLY | constants.O_NONBLOCK,
  );
  try {
    const answered = pollReadable([fifo, pidfd], FOREVER_MS) === 0 && readSync(fifo, Buffer.alloc(1)) === 1;
    if (!answered) throw internal('cannot start an already running container: its process has ended');
  } finally {
    closeSync(fifo);
    closeSync(pidfd);
  }
}
