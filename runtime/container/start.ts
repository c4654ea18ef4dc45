import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { conflict } from '../../common/errors.ts';
import { START_FIFO } from '../keeper.ts';
import type { ContainerRecord, Settings } from './contract.ts';
import { destroy } from './destroy.ts';
import { runHooks } from './hooks.ts';
import { removeStartFifo, startDirectory } from './state-directory.ts';
import { statusOf } from './status.ts';

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

/** Writes into the FIFO, which is what the init waits for. It has no reader any more when the init has ended. */
function release({ root }: Settings, { id }: ContainerRecord): void {
  const path = join(startDirectory(root, id), START_FIFO);
  try {
    const fifo = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    writeSync(fifo, '0');
    closeSync(fifo);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENXIO') throw error;
    throw conflict('cannot start a container that has stopped', { cause: error });
  }
}
