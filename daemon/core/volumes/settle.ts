import { readdir } from 'node:fs/promises';
import type { VolumeParts } from './parts.ts';
import { removeLocked } from './remove.ts';

/**
 * Finishes what the last daemon was at: a volume that was not made whole is made, one that was being removed goes. A directory without
 * a row is somebody's data: it is told of, and left alone.
 */
export async function settleVolumes(parts: VolumeParts, root: string): Promise<void> {
  const { table, drivers, ctx } = parts;
  await Promise.all(
    [...table.all()].map(async ({ name, driver, options, state }) => {
      try {
        if (state === 'creating') {
          await (await drivers.get(ctx, driver)).create(ctx, name, options);
          table.setState(name, 'ready');
        } else if (state === 'removing') {
          await removeLocked(parts, ctx, { name, force: false });
        }
      } catch (error) {
        ctx.log.error('Cannot finish what was begun with a volume', { volume: name, state, error });
      }
    }),
  );
  for (const name of await readdir(root)) {
    if (table.find(name) === undefined) ctx.log.warn('A directory belongs to no volume', { root, name });
  }
}
