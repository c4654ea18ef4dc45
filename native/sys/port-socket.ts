import { isIPv6 } from 'node:net';
import { syscallNumber } from '../ffi/numbers.ts';
import { checked, syscallShape } from '../ffi/syscall.ts';
import { closeDescriptor, SOCK_CLOEXEC } from './socket.ts';

const AF_INET = 2;
const AF_INET6 = 10;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const KINDS = {
  tcp: { type: 1, protocol: 6 },
  udp: { type: 2, protocol: 17 },
  sctp: { type: 1, protocol: 132 },
} as const;

const open = syscallShape<[number, number, number]>('int64_t family, int64_t type, int64_t protocol');
const bindTo = syscallShape<[number, Buffer, number]>('int64_t fd, void *address, int64_t bytes');
const setOption = syscallShape<[number, number, number, Buffer, number]>(
  'int64_t fd, int64_t level, int64_t option, void *value, int64_t bytes',
);

/**
 * A socket that is bound to a port, neither listening nor read: nobody else gets the port, and who connects to it is refused (man 2
 * bind). Never waits. `address` is the bytes of an IP address. Throws SyscallError: EADDRINUSE, EADDRNOTAVAIL, EPROTONOSUPPORT.
 */
export function holdPort(
  protocol: keyof typeof KINDS,
  at: { readonly ip: string; readonly bytes: Uint8Array; readonly port: number },
): number {
  const { type, protocol: number } = KINDS[protocol];
  const family = isIPv6(at.ip) ? AF_INET6 : AF_INET;
  const subject = `${at.ip}:${at.port}/${protocol}`;
  const fd = checked('socket', subject, () =>
    open(syscallNumber('socket'), family, type | SOCK_CLOEXEC, number),
  );
  try {
    if (family === AF_INET6) {
      const one = Buffer.of(1, 0, 0, 0);
      checked('setsockopt', subject, () =>
        setOption(syscallNumber('setsockopt'), fd, IPPROTO_IPV6, IPV6_V6ONLY, one, one.byteLength),
      );
    }
    const address = socketAddress(family, at);
    checked('bind', subject, () => bindTo(syscallNumber('bind'), fd, address, address.byteLength));
    return fd;
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
}

/** struct sockaddr_in, struct sockaddr_in6 (man 7 ip, man 7 ipv6). */
function socketAddress(
  family: number,
  { bytes, port }: { readonly bytes: Uint8Array; readonly port: number },
): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16LE(family, 0);
  head.writeUInt16BE(port, 2);
  return family === AF_INET
    ? Buffer.concat([head, bytes, Buffer.alloc(8)])
    : Buffer.concat([head, Buffer.alloc(4), bytes, Buffer.alloc(4)]);
}
