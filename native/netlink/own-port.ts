import { randomInt } from 'node:crypto';
import { SyscallError } from '../ffi/syscall.ts';
import { bindNetlink } from '../sys/socket.ts';

/**
 * The address of a netlink socket is in what the kernel tells others of its requests. Ours are of one range, so that a thread knows
 * changes that another one made: above all process ids, which the kernel gives to first sockets, and below what it gives to further ones.
 */
const MASK = 0xff00_0000;
const OURS = 0x5700_0000;
const COUNT = 0x100_0000;
const ATTEMPTS = 20;

export const isOwnPort = (port: number): boolean => (port & MASK) >>> 0 === OURS;

/** Before the first send. */
export function bindOwnPort(fd: number): void {
  for (let attempt = 1; ; attempt += 1) {
    try {
      bindNetlink(fd, OURS + randomInt(COUNT));
      return;
    } catch (error) {
      const taken = error instanceof SyscallError && error.errnoName === 'EADDRINUSE';
      if (!taken || attempt === ATTEMPTS) throw error;
    }
  }
}
