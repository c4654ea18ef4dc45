import { setTimeout as sleep } from 'node:timers/promises';
import type { Daemon } from '../http/daemon.ts';
import { terminalSize } from './terminal.ts';

/** The container may not have its terminal yet when it is first told the size. */
const ATTEMPTS = 10;
const PAUSE_MS = 10;
/** SIGWINCH comes before the new size can be read (pty_resize in drivers/tty/pty.c), so it is read again, after these pauses. */
const SETTLE_MS = [50, 250, 1000] as const;

/**
 * Tells the daemon the terminal's size now and whenever it changes. `path` is the resize endpoint of a container or exec.
 * Returns the way to stop.
 */
export function followSize(daemon: Daemon, path: string): () => void {
  let told = '';
  const tell = async (): Promise<boolean> => {
    const { rows, columns } = terminalSize();
    told = `${rows} ${columns}`;
    if (rows === 0 && columns === 0) return true;
    const sent = daemon.send({ method: 'POST', path, query: { h: rows, w: columns } });
    return sent.then(
      () => true,
      () => false,
    );
  };
  let settling: NodeJS.Timeout | undefined;
  const settle = (attempt: number): void => {
    const { rows, columns } = terminalSize();
    if (attempt === 0 || told !== `${rows} ${columns}`) void tell();
    const pause = SETTLE_MS[attempt];
    settling = pause === undefined ? undefined : setTimeout(settle, pause, attempt + 1).unref();
  };
  const onChange = (): void => {
    clearTimeout(settling);
    settle(0);
  };
  process.on('SIGWINCH', onChange);
  void retry(tell);
  return () => {
    clearTimeout(settling);
    process.off('SIGWINCH', onChange);
  };
}

async function retry(tell: () => Promise<boolean>): Promise<void> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    if (await tell()) return;
    await sleep(attempt * PAUSE_MS);
  }
}
