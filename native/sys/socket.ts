import { syscallNumber } from '../ffi/numbers.ts';
import { checked, syscallShape } from '../ffi/syscall.ts';

/** Netlink sockets (man 7 netlink), one typed function a system call. The kernel answers while sendto runs: nothing here waits. */
export const AF_NETLINK = 16;
export const SOCK_RAW = 3;
export const SOCK_CLOEXEC = 0o2000000;
export const MSG_DONTWAIT = 0x40;
const SOL_NETLINK = 270;
const SOL_SOCKET = 1;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;

/** Linux 2.2; NETLINK_NETFILTER 2.6.14. */
export const NETLINK_PROTOCOL = { route: 0, netfilter: 12 } as const;
const NETLINK_ADD_MEMBERSHIP = 1;
/** NETLINK_CAP_ACK Linux 4.3, NETLINK_EXT_ACK 4.12. */
export const NETLINK_OPTION = { capAck: 10, extAck: 11 } as const;

const callSocket =
  syscallShape<[family: number, type: number, protocol: number]>('int64_t, int64_t, int64_t');
const callBuffer = syscallShape<
  [fd: number, data: Uint8Array, bytes: number, flags: number, address: null, addressBytes: null]
>('int64_t, void *, int64_t, int64_t, void *, void *');
const callSetsockopt = syscallShape<
  [fd: number, level: number, option: number, value: Uint8Array, bytes: number]
>('int64_t, int64_t, int64_t, void *, int64_t');
const callBind = syscallShape<[fd: number, address: Uint8Array, bytes: number]>('int64_t, void *, int64_t');
const callClose = syscallShape<[fd: number]>('int64_t');

/** man 2 socket. Close-on-exec. The first send binds a port, if none is bound. */
export const netlinkSocket = (protocol: keyof typeof NETLINK_PROTOCOL): number =>
  checked('socket', `netlink ${protocol}`, () =>
    callSocket(syscallNumber('socket'), AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_PROTOCOL[protocol]),
  );

/** man 2 setsockopt, SOL_NETLINK, switched on. */
export function enableNetlinkOption(fd: number, option: keyof typeof NETLINK_OPTION): void {
  setNumber(fd, { level: SOL_NETLINK, option: NETLINK_OPTION[option], what: option }, 1);
}

interface Option {
  readonly level: number;
  readonly option: number;
  readonly what: string;
}

function setNumber(fd: number, { level, option, what }: Option, number: number): void {
  const value = Buffer.alloc(4);
  value.writeUInt32LE(number);
  checked('setsockopt', what, () =>
    callSetsockopt(syscallNumber('setsockopt'), fd, level, option, value, value.byteLength),
  );
}

/** Makes room for so large a message, whatever the host's limit (man 7 socket, SO_SNDBUFFORCE; CAP_NET_ADMIN). */
export const setSendBuffer = (fd: number, size: number): void =>
  setNumber(fd, { level: SOL_SOCKET, option: SO_SNDBUFFORCE, what: 'SO_SNDBUFFORCE' }, size);

/** The same for what waits to be received. */
export const setReceiveBuffer = (fd: number, size: number): void =>
  setNumber(fd, { level: SOL_SOCKET, option: SO_RCVBUFFORCE, what: 'SO_RCVBUFFORCE' }, size);

/** Receives what the kernel tells a multicast group (man 7 netlink, NETLINK_ADD_MEMBERSHIP; Linux 2.6.14). */
export const joinNetlinkGroup = (fd: number, group: number): void =>
  setNumber(
    fd,
    { level: SOL_NETLINK, option: NETLINK_ADD_MEMBERSHIP, what: `netlink group ${group}` },
    group,
  );

/** man 2 bind, to a port of the caller's choice. Throws SyscallError EADDRINUSE when another socket has it. */
export function bindNetlink(fd: number, port: number): void {
  const address = Buffer.alloc(12);
  address.writeUInt16LE(AF_NETLINK, 0);
  address.writeUInt32LE(port, 4);
  checked('bind', `netlink port ${port}`, () =>
    callBind(syscallNumber('bind'), fd, address, address.byteLength),
  );
}

/** man 2 sendto, to the kernel. */
export const sendTo = (fd: number, data: Uint8Array): number =>
  checked('sendto', 'netlink', () =>
    callBuffer(syscallNumber('sendto'), fd, data, data.byteLength, 0, null, null),
  );

/** man 2 recvfrom without waiting. Throws SyscallError EAGAIN when there is nothing. */
export const receiveNow = (fd: number, into: Uint8Array): number =>
  checked('recvfrom', 'netlink', () =>
    callBuffer(syscallNumber('recvfrom'), fd, into, into.byteLength, MSG_DONTWAIT, null, null),
  );

/** man 2 close. Not retried: the descriptor is gone in any case. */
export function closeDescriptor(fd: number): void {
  callClose(syscallNumber('close'), fd);
}
