import { syscallNumber } from '../ffi/numbers.ts';
import { checked, syscallShape } from '../ffi/syscall.ts';
import { closeDescriptor } from './socket.ts';

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;

const open = syscallShape<[number, number, number]>('int64_t domain, int64_t type, int64_t protocol');
const send = syscallShape<[number, Uint8Array, number, number, Uint8Array, number]>(
  'int64_t fd, void *data, int64_t bytes, int64_t flags, void *address, int64_t addressBytes',
);

/** Sends one datagram to a unix socket by its path, or by its abstract name after `@` (man 2 sendto, man 7 unix). Never waits. */
export function sendDatagram(path: string, content: string | Uint8Array): void {
  const data = typeof content === 'string' ? Buffer.from(content) : content;
  const address = socketAddress(path);
  const fd = checked('socket', 'unix datagram', () =>
    open(syscallNumber('socket'), AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0),
  );
  try {
    checked('sendto', path, () =>
      send(
        syscallNumber('sendto'),
        fd,
        data,
        data.length,
        MSG_DONTWAIT | MSG_NOSIGNAL,
        address,
        address.length,
      ),
    );
  } finally {
    closeDescriptor(fd);
  }
}

function socketAddress(path: string): Buffer {
  const abstract = path.startsWith('@');
  const name = Buffer.from(abstract ? `\0${path.slice(1)}` : `${path}\0`);
  const family = Buffer.alloc(2);
  family.writeUInt16LE(AF_UNIX);
  return Buffer.concat([family, name]);
}
