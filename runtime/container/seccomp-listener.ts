import { closeSync } from 'node:fs';
import { internal, messageOf } from '../../common/errors.ts';
import { connectUnix, sendWithFd } from '../../native/sys/unix-socket.ts';
import type { ContainerRecord } from './contract.ts';
import { hookState, OCI_VERSION } from './state.ts';

/**
 * Hands the descriptor of a filter's notifications to the agent at `listenerPath`, with the container's process state
 * (runtime-spec config-linux.md, "The Container Process State").
 */
export function sendSeccompListener(record: ContainerRecord, listener: number, pid = record.init?.pid): void {
  const { listenerPath, listenerMetadata } = record.spec.linux.seccomp ?? {};
  try {
    if (listenerPath === undefined)
      throw internal('A seccomp profile with SCMP_ACT_NOTIFY has no listenerPath');
    const state = {
      ociVersion: OCI_VERSION,
      fds: ['seccompFd'],
      pid,
      ...(listenerMetadata === undefined ? {} : { metadata: listenerMetadata }),
      state: JSON.parse(hookState(record, 'creating')) as object,
    };
    const socket = connectAgent(listenerPath);
    try {
      sendWithFd(socket, Buffer.from(JSON.stringify(state)), listener);
    } finally {
      closeSync(socket);
    }
  } finally {
    closeSync(listener);
  }
}

/** In runc's words. */
function connectAgent(path: string): number {
  try {
    return connectUnix(path);
  } catch (error) {
    throw internal(
      `failed to connect with seccomp agent specified in the seccomp profile: ${messageOf(error)}`,
      {
        cause: error,
      },
    );
  }
}
