import { closeSync } from 'node:fs';
import { ReadStream, WriteStream } from 'node:tty';
import { setTimeout as sleep } from 'node:timers/promises';
import { fitTerminal } from '../container/terminal.ts';

/** How long what the terminal still holds is read after the process's end. */
const DRAIN_MS = 100;
/**
 * The kernel sends SIGWINCH before it writes the new size (pty_resize in drivers/tty/pty.c): who reads it at once, on a busy
 * machine, reads the old one. So it is read again, after these pauses.
 */
const SETTLE_MS = [50, 250, 1000] as const;

/** Copies between this command's terminal and a container's, raw, with its size. */
export function relayTerminal(master: number): {
  readonly drained: () => Promise<void>;
  readonly close: () => void;
} {
  const reading = new ReadStream(master);
  const { stdin, stdout } = process;
  const { promise: atEnd, resolve: end } = Promise.withResolvers<void>();
  reading.on('data', (data: Buffer) => stdout.write(data));
  // EIO: the last process of the terminal is gone.
  reading.on('error', () => end());
  reading.on('end', () => end());
  let settling: NodeJS.Timeout | undefined;
  const onInput = (data: Buffer): void => {
    if (settling !== undefined) fitTerminal(master);
    writing.write(data);
  };
  const writing = new WriteStream(master);
  writing.on('error', () => {});
  const settle = (attempt: number): void => {
    fitTerminal(master);
    const pause = SETTLE_MS[attempt];
    settling = pause === undefined ? undefined : setTimeout(settle, pause, attempt + 1);
  };
  const resize = (): void => {
    clearTimeout(settling);
    settle(0);
  };
  if (stdin.isTTY) stdin.setRawMode(true);
  stdin.on('data', onInput);
  process.on('SIGWINCH', resize);
  resize();
  return {
    drained: () => Promise.race([atEnd, sleep(DRAIN_MS)]),
    close: () => {
      process.off('SIGWINCH', resize);
      clearTimeout(settling);
      stdin.off('data', onInput);
      stdin.pause();
      if (stdin.isTTY) stdin.setRawMode(false);
      reading.destroy();
      writing.destroy();
      try {
        closeSync(master);
      } catch {
        // The streams have closed it.
      }
    },
  };
}
