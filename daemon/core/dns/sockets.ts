import { readFile } from 'node:fs/promises';
import { internal } from '../../../common/errors.ts';
import { SyscallError } from '../../../native/ffi/syscall.ts';
import { connectNetlink } from '../../../native/netlink/connection.ts';
import { keepPair, keptPair, type Kept } from '../../../native/sys/kept-sockets.ts';
import { pidfdGetFd, pidfdOpen } from '../../../native/sys/pidfd.ts';
import { holdPort } from '../../../native/sys/port-socket.ts';
import { closeDescriptor } from '../../../native/sys/socket.ts';
import { inNetworkOf } from '../../../native/sys/tcp-socket.ts';
import { RESOLVER_ADDRESS } from '../networks/outside.ts';
import { KEEP_FD, KEPT_FD, RESOLVER_BYTES, resolverPort, resolverRules } from '../networks/resolver.ts';

/** The two sockets of a container, UDP and TCP, and its first process. They are the caller's to close. */
export interface Sockets {
  readonly udp: number;
  readonly tcp: number;
  readonly pidfd: number;
}

/**
 * Fetches copies of what the container's shim holds; makes them, and gives the shim copies, where its start had no need of them.
 * Throws Node's or SyscallError, ESRCH or ENOENT when the container has ended.
 */
export async function fetchSockets(pid: number): Promise<Sockets> {
  const pidfd = pidfdOpen(pid);
  try {
    const shim = pidfdOpen(await parentOf(pid));
    try {
      const [udp, tcp] = kept(shim) ?? make(shim, pidfd);
      return { udp, tcp, pidfd };
    } finally {
      closeDescriptor(shim);
    }
  } catch (error) {
    closeDescriptor(pidfd);
    throw error;
  }
}

/** The shim, whose child the first process is (man 5 proc_pid_stat). */
async function parentOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The name in parentheses may hold anything.
  const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  if (!(parent > 1)) throw internal(`The process ${pid} has no shim`);
  return parent;
}

function kept(shim: number): Kept | undefined {
  const place = pidfdGetFd(shim, KEPT_FD);
  try {
    return keptPair(place);
  } finally {
    closeDescriptor(place);
  }
}

function make(shim: number, pidfd: number): Kept {
  const place = pidfdGetFd(shim, KEEP_FD);
  try {
    const pair = inNetworkOf(pidfd, openPair);
    keepPair(place, pair);
    return pair;
  } finally {
    closeDescriptor(place);
  }
}

/** Ports of this namespace may be taken by now. */
const ATTEMPTS = 20;

function openPair(): Kept {
  for (let attempt = 1; ; attempt += 1) {
    const at = { ip: RESOLVER_ADDRESS, bytes: RESOLVER_BYTES, port: resolverPort() };
    const open: number[] = [];
    try {
      const udp = holdPort('udp', at);
      open.push(udp);
      const tcp = holdPort('tcp', at);
      open.push(tcp);
      using netfilter = connectNetlink('netfilter');
      netfilter.batch(resolverRules(at.port));
      return [udp, tcp];
    } catch (error) {
      for (const fd of open) closeDescriptor(fd);
      const isTaken = error instanceof SyscallError && error.errnoName === 'EADDRINUSE';
      if (!isTaken || attempt === ATTEMPTS) throw error;
    }
  }
}
