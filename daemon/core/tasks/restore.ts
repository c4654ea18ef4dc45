import type { Ctx } from '../../../common/ctx.ts';
import { launchTask } from './create.ts';
import { removeDirectory } from '../remove-directory.ts';
import { bundleOf, type TaskParts } from './parts.ts';
import type { ProcessEntry } from './process.ts';
import { readSpec } from './spec.ts';

/** The start of a task that was created from a checkpoint: the runtime makes it, and it runs at once. */
export async function restoreTask(
  { core, records }: TaskParts,
  ctx: Ctx,
  entry: ProcessEntry,
): Promise<number> {
  const { ref, fixed } = entry;
  const { images = '', rootfs = [] } = fixed.task?.checkpoint ?? {};
  const record = await records.get(ref.namespace, ref.id);
  const verb = ['restore', '--detach', '--image-path', images, '--work-path', bundleOf(core, entry)];
  const pid = await launchTask(core, ctx, { entry, spec: readSpec(record.spec), rootfs, verb });
  void core.background.run('Cannot remove a checkpoint that is restored', { ...ref }, () =>
    removeDirectory(core.paths.checkpoint(entry.key)),
  );
  return pid;
}
