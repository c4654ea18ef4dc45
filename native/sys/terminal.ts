import { syscallNumber } from '../ffi/numbers.ts';
import { checked, syscallShape } from '../ffi/syscall.ts';

const TIOCSWINSZ = 0x5414;
const ioctl = syscallShape<[number, number, Buffer]>('int64_t fd, int64_t request, void *argument');

/** man 2 TIOCSWINSZ. */
export function setTerminalSize(fd: number, size: { readonly rows: number; readonly columns: number }): void {
  const winsize = Buffer.alloc(8);
  winsize.writeUInt16LE(size.rows, 0);
  winsize.writeUInt16LE(size.columns, 2);
  checked('set the size of', `terminal ${fd}`, () => ioctl(syscallNumber('ioctl'), fd, TIOCSWINSZ, winsize));
}
