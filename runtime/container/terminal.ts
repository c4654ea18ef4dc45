import { closeSync, fstatSync } from 'node:fs';
import { invalidArgument } from '../../common/errors.ts';
import { keepLineEnds, makeBlocking, setTerminalSize, terminalSize } from '../../native/sys/terminal.ts';
import { connectUnix, sendWithFd } from '../../native/sys/unix-socket.ts';

/** The terminal's name goes with its master, as runc sends it; nobody opens it. */
const NAME = Buffer.from('/dev/ptmx');

/** Where the master of a terminal goes. */
export type Console =
  | { readonly kind: 'none' }
  | { readonly kind: 'socket'; readonly fd: number }
  /** This command relays it. */
  | { readonly kind: 'relay'; master: number | undefined };

/**
 * Connects to `--console-socket` before anything is made. Throws `invalid-argument` in runc's words where a terminal and
 * the flags don't go together.
 */
export function openConsole(options: {
  readonly terminal: boolean;
  readonly detached: boolean;
  readonly consoleSocket: string | undefined;
}): Console {
  const { terminal, detached, consoleSocket } = options;
  if (consoleSocket !== undefined && (!detached || !terminal))
    throw invalidArgument('cannot use console socket if runc will not detach or allocate tty');
  if (!terminal) return { kind: 'none' };
  if (consoleSocket !== undefined) return { kind: 'socket', fd: connectUnix(consoleSocket) };
  if (detached)
    throw invalidArgument('cannot allocate tty if runc will detach without setting console socket');
  return { kind: 'relay', master: undefined };
}

/** Takes the master over: sends it on, or keeps it. */
export function takeTerminal(to: Console, master: number): void {
  if (to.kind === 'relay') {
    to.master = master;
    fitTerminal(master);
    // This command's own terminal adds what it needs, and a file or pipe wants none.
    keepLineEnds(master);
    return;
  }
  try {
    // Whoever gets it reads it as it likes.
    makeBlocking(master);
    if (to.kind === 'socket') sendWithFd(to.fd, NAME, master);
  } finally {
    closeSync(master);
  }
}

/** As large as this command's own terminal, whichever of its descriptors that is. */
export function fitTerminal(master: number): void {
  const size = [1, 0, 2].map((fd) => terminalSize(fd)).find((each) => each !== undefined);
  if (size !== undefined) setTerminalSize(master, size);
}

export function closeConsole(to: Console): void {
  if (to.kind === 'socket') closeSync(to.fd);
}

/** linux/major.h and Documentation/admin-guide/devices.txt: the null device is the host's, whoever has it open. */
const NULL_DEVICE = 0x103;

/** The descriptors of 0 to 2 that may be given to a container's user. */
export const ownedStdio = (): number[] =>
  [0, 1, 2].filter((fd) => {
    try {
      const status = fstatSync(fd);
      return !(status.isCharacterDevice() && status.rdev === NULL_DEVICE);
    } catch {
      return false;
    }
  });
