import { constants } from 'node:os';
import { syscallNumber, type SyscallName } from '../ffi/numbers.ts';
import { syscallShape } from '../ffi/syscall.ts';
import { closeDescriptor, netlinkSocket, receiveNow, sendTo } from './socket.ts';

type Six = [number, number, number, number, number, number];
const call = syscallShape<Six>('int64_t, int64_t, int64_t, int64_t, int64_t, int64_t');

/** Arguments that no call takes, so that it does nothing but say so. */
const SENSELESS: Six = [-1, 0, 0, 0, 0, 0];

/** Calls that this probe is safe with: all refuse the arguments above before they act. */
export type Probed = SyscallName &
  ('openat2' | 'fsopen' | 'mount_setattr' | 'clone3' | 'pidfd_open' | 'close_range');

/** Whether the kernel, and the sandbox around us, know a system call (ENOSYS says no). */
export const hasSyscall = (name: Probed): boolean =>
  call(syscallNumber(name), ...SENSELESS) !== -constants.errno.ENOSYS;

const NFT_GET_GENERATION = (10 << 8) | 16;
const NFT_NEW_GENERATION = (10 << 8) | 15;
const NLM_F_REQUEST = 1;

/** Asks nf_tables for its generation (linux/netfilter/nf_tables.h): a kernel without it answers with an error. */
export function hasNfTables(): boolean {
  const request = Buffer.alloc(20);
  request.writeUInt32LE(request.length, 0);
  request.writeUInt16LE(NFT_GET_GENERATION, 4);
  request.writeUInt16LE(NLM_F_REQUEST, 6);
  const fd = netlinkSocket('netfilter');
  try {
    sendTo(fd, request);
    const reply = Buffer.alloc(4096);
    return receiveNow(fd, reply) >= 16 && reply.readUInt16LE(4) === NFT_NEW_GENERATION;
  } catch {
    return false;
  } finally {
    closeDescriptor(fd);
  }
}
