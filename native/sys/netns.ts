import { syscallNumber } from '../ffi/numbers.ts';
import { checked, syscallShape } from '../ffi/syscall.ts';

/** Network namespaces belong to a thread each (man 7 network_namespaces). */
const CLONE_NEWNET = 0x4000_0000;
const callSetns = syscallShape<[fd: number, type: number]>('int64_t fd, int64_t type');

/**
 * man 2 setns (Linux 3.0), of the calling thread alone: call it where nothing else runs, and go back before anything may wait.
 * `fd` is an open /proc/<pid>/ns/net.
 */
export const joinNetworkNamespace = (fd: number): number =>
  checked('setns', 'network namespace', () => callSetns(syscallNumber('setns'), fd, CLONE_NEWNET));
