import { closeSync, openSync, writeFileSync } from 'node:fs';
import { internal } from '../../common/errors.ts';
import { syscallNumber } from '../ffi/numbers.ts';
import { checked, syscallShape } from '../ffi/syscall.ts';

/** Network namespaces belong to a thread each (man 7 network_namespaces). */
const CLONE_NEWNET = 0x4000_0000;
const callUnshare = syscallShape<[flags: number]>('int64_t flags');
const callSetns = syscallShape<[fd: number, type: number]>('int64_t fd, int64_t type');

/** man 2 setns (Linux 3.0), of the calling thread alone. `fd` is an open /proc/<pid>/ns/net. */
const joinNetworkNamespace = (fd: number): number =>
  checked('setns', 'network namespace', () => callSetns(syscallNumber('setns'), fd, CLONE_NEWNET));

/** The network namespace of another process, for a thread that nothing else runs on. */
export interface OtherNetns extends Disposable {
  /** Calls `act` in it, and comes back. Sockets stay in the namespace that they were made in. */
  within<T>(act: () => T): T;
}

/** `path`: `/proc/<pid>/ns/net` of a process that lives in it, or whatever leads to one. Throws Node's error when it leads nowhere. */
export function openNetns(path: string): OtherNetns {
  const own = openSync('/proc/thread-self/ns/net', 'r');
  let theirs: number;
  try {
    theirs = openSync(path, 'r');
  } catch (error) {
    closeSync(own);
    throw error;
  }
  return {
    within: (act) => {
      joinNetworkNamespace(theirs);
      try {
        return act();
      } finally {
        joinNetworkNamespace(own);
      }
    },
    [Symbol.dispose]: () => {
      closeSync(theirs);
      closeSync(own);
    },
  };
}

/** man 2 unshare, of the calling thread: a fresh network namespace, in which `furnish` is called; its descriptor, close-on-exec. */
export function makeNetns(furnish: () => void): number {
  const own = openSync('/proc/thread-self/ns/net', 'r');
  try {
    checked('unshare', 'network namespace', () => callUnshare(syscallNumber('unshare'), CLONE_NEWNET));
    try {
      const made = openSync('/proc/thread-self/ns/net', 'r');
      furnish();
      return made;
    } finally {
      joinNetworkNamespace(own);
    }
  } finally {
    closeSync(own);
  }
}

/** Writes a value below /proc/sys of the thread's namespace. An optional file that does not exist (no IPv6) is no failure. */
export function setSysctlNow(path: string, value: string, isOptional = true): void {
  try {
    writeFileSync(path, value);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && isOptional) return;
    throw internal(`Cannot set "${path}" to ${value}: ${code ?? 'unknown error'}`, { cause: error });
  }
}
