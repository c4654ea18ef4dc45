import { closeSync } from 'node:fs';
import { pidfdOpen } from '../../native/sys/pidfd.ts';
import { connectUnix, sendWithFd } from '../../native/sys/unix-socket.ts';

/** `--pidfd-socket`: who manages the container gets a descriptor of its process that can never mean another one. */
export function sendPidfd(path: string, pid: number | undefined): void {
  if (path === '' || pid === undefined) return;
  const socket = connectUnix(path);
  try {
    const pidfd = pidfdOpen(pid);
    sendWithFd(socket, Buffer.from('pidfd'), pidfd);
    closeSync(pidfd);
  } finally {
    closeSync(socket);
  }
}
