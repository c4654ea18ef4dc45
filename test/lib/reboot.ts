import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Daemon } from './daemon.ts';
import { endProcesses, ownedProcesses } from './owned.ts';

/** What a restart of the machine leaves: nothing runs, and the kernel has another boot id. */
export async function reboot(daemon: Daemon): Promise<void> {
  await daemon.kill9();
  await endProcesses((await ownedProcesses(daemon)).filter(({ pid }) => pid !== daemon.netnsPid));
  await writeFile(join(daemon.dataRoot, 'boot-id'), 'of another boot\n');
  await daemon.restart();
}
