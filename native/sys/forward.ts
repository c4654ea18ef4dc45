import { bind } from '../ffi/library.ts';
import { checked } from '../ffi/syscall.ts';

const forward = bind<(pid: number) => number>('int wherry_forward_signals(int pid)');

/**
 * From here on this process's signals are passed on (native/c/forward.c): 0 keeps them until a later call says to whom. The process
 * must be a child that is not reaped yet.
 */
export function forwardSignals(pid: number): void {
  checked('forward signals to', String(pid), () => forward(pid));
}
