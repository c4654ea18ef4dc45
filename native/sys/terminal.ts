import { syscallNumber } from '../ffi/numbers.ts';
import { checked, syscallShape } from '../ffi/syscall.ts';

const TCGETS = 0x5401;
const TCSETS = 0x5402;
const TIOCGWINSZ = 0x5413;
const TIOCSWINSZ = 0x5414;
const F_SETFL = 4;
const WINSIZE_BYTES = 8;
/** The kernel's struct termios (asm-generic/termbits.h): four words of flags, the second for output, and the characters. */
const TERMIOS_BYTES = 36;
const OUTPUT_FLAGS_AT = 4;
const ONLCR = 0x4;
const ioctl = syscallShape<[number, number, Buffer]>('int64_t fd, int64_t request, void *argument');

const fcntl = syscallShape<[number, number, number]>('int64_t fd, int64_t command, int64_t argument');

export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

/** man 2 TIOCGWINSZ. Undefined for what is no terminal. */
export function terminalSize(fd: number): TerminalSize | undefined {
  const winsize = Buffer.alloc(WINSIZE_BYTES);
  if (ioctl(syscallNumber('ioctl'), fd, TIOCGWINSZ, winsize) < 0) return undefined;
  return { rows: winsize.readUInt16LE(0), columns: winsize.readUInt16LE(2) };
}

/** Lets reads and writes wait, for all who have this open file (man 2 F_SETFL). */
export function makeBlocking(fd: number): void {
  checked('make blocking', `descriptor ${fd}`, () => fcntl(syscallNumber('fcntl'), fd, F_SETFL, 0));
}

/** man 2 TIOCSWINSZ. */
export function setTerminalSize(fd: number, size: TerminalSize): void {
  const winsize = Buffer.alloc(WINSIZE_BYTES);
  winsize.writeUInt16LE(size.rows, 0);
  winsize.writeUInt16LE(size.columns, 2);
  checked('set the size of', `terminal ${fd}`, () => ioctl(syscallNumber('ioctl'), fd, TIOCSWINSZ, winsize));
}

/** Passes a line's end on as it is, without a carriage return (man 3 termios: ONLCR). */
export function keepLineEnds(fd: number): void {
  const termios = Buffer.alloc(TERMIOS_BYTES);
  const call = (request: number) => () => ioctl(syscallNumber('ioctl'), fd, request, termios);
  checked('get the attributes of', `terminal ${fd}`, call(TCGETS));
  termios.writeUInt32LE(termios.readUInt32LE(OUTPUT_FLAGS_AT) & ~ONLCR, OUTPUT_FLAGS_AT);
  checked('set the attributes of', `terminal ${fd}`, call(TCSETS));
}
