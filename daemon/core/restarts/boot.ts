import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../../../common/atomic-file.ts';

export interface Boot {
  /** The host was started anew since a daemon of this data root ran: nothing of what ran lives. */
  readonly restarted: boolean;
  /** From here on it is this boot's. */
  record(): Promise<void>;
}

/** Compares the kernel's boot id (man 4 random) with the recorded one. */
export async function readBoot(dataRoot: string): Promise<Boot> {
  const path = join(dataRoot, 'boot-id');
  const [id, recorded] = await Promise.all([
    readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
    readFile(path, 'utf8').catch(() => undefined),
  ]);
  return {
    restarted: recorded !== undefined && recorded !== id,
    record: async () => {
      if (recorded !== id) await writeFileAtomic(path, id);
    },
  };
}
