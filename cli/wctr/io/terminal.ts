import { setTimeout as sleep } from 'node:timers/promises';
import { terminalSize } from '../../stream/terminal.ts';
import type { Containerd } from '../../containerd/client.ts';
import { Tasks } from '../../../daemon/api/containerd/gen/containerd/services/tasks/v1/tasks_pb.ts';

export interface ProcessName {
  readonly containerId: string;
  /** Empty for the container's first process. */
  readonly execId: string;
}

/** The size can be read some time after SIGWINCH only (pty_resize in drivers/tty/pty.c). */
const SETTLE_MS = 50;

/** Tells the task the terminal's size, now and whenever it changes. */
export async function followSize(containerd: Containerd, name: ProcessName): Promise<void> {
  const tell = async (): Promise<void> => {
    const { rows: height, columns: width } = terminalSize();
    if (height === 0 && width === 0) return;
    // It may have ended meanwhile.
    await containerd
      .service(Tasks)
      .resizePty({ ...name, width, height })
      .catch(() => undefined);
  };
  process.on('SIGWINCH', () => void sleep(SETTLE_MS).then(tell));
  await tell();
}
