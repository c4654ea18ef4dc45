import type { PlanBuilder } from '../plan/builder.ts';
import type { Slot } from '../plan/types.ts';
import { bundleFiles } from './contract.ts';

const AF_UNIX = 1;
const SOCK_STREAM_CLOEXEC_NONBLOCK = 1 | 0o2000000 | 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const MSG_DONTWAIT = 0x40;
const MSG_CMSG_CLOEXEC = 0x4000_0000;
const NAME_BYTES = 64;
/** struct msghdr: iov, iovlen, control, controllen. */
const MSGHDR = { BYTES: 56, IOV: 16, IOV_COUNT: 24, CONTROL: 32, CONTROL_BYTES: 40 } as const;
/** CMSG_SPACE(sizeof(int)), and where its descriptor is. */
const CONTROL_BYTES = 24;
const CONTROL_FD = 16;

/** In the bundle: where the runtime is to send the terminal. Its path is relative, since a socket's may have 107 bytes only. */
export function listenForTerminal(plan: PlanBuilder): Slot {
  const label = "listen for the runtime's terminal";
  const socket = plan.call(label, 'socket', [AF_UNIX, SOCK_STREAM_CLOEXEC_NONBLOCK, 0], { save: true });
  const name = Buffer.from(`\u0001\0${bundleFiles.console}\0`);
  plan.call(label, 'bind', [socket, name, name.byteLength]);
  plan.call(label, 'listen', [socket, 1]);
  return socket;
}

/** Once the runtime has ended: hands what it sent to the shim. */
export function takeTerminal(plan: PlanBuilder, socket: Slot): void {
  const label = 'take the terminal that the runtime made';
  const connection = plan.call(label, 'accept4', [socket, 0, 0, SOCK_CLOEXEC], { save: true });
  const message = new DataView(new ArrayBuffer(MSGHDR.BYTES));
  message.setBigUint64(MSGHDR.IOV_COUNT, 1n, true);
  message.setBigUint64(MSGHDR.CONTROL_BYTES, BigInt(CONTROL_BYTES), true);
  const iov = new DataView(new ArrayBuffer(16));
  iov.setBigUint64(8, BigInt(NAME_BYTES), true);
  const [header, vector, name, control] = [
    plan.bytes(new Uint8Array(message.buffer)),
    plan.bytes(new Uint8Array(iov.buffer)),
    plan.bytes(new Uint8Array(NAME_BYTES)),
    plan.bytes(new Uint8Array(CONTROL_BYTES).fill(0xff)),
  ];
  plan.relocate(header + MSGHDR.IOV, vector);
  plan.relocate(header + MSGHDR.CONTROL, control);
  plan.relocate(vector, name);
  const flags = MSG_DONTWAIT | MSG_CMSG_CLOEXEC;
  plan.call(label, 'recvmsg', [connection, { kind: 'blob', offset: header }, flags], { zeroFails: true });
  const terminal = plan.load(label, control + CONTROL_FD);
  plan.sendFd('hand the terminal over', terminal);
  for (const slot of [terminal, connection, socket]) plan.close(slot);
}
