import { mkdir } from 'node:fs/promises';
import type { Ctx } from '../../../common/ctx.ts';
import { newId } from '../../../common/ids.ts';
import { buildCopyPlan, type CopySource } from '../../../runtime/copy.ts';
import type { Core } from '../core.ts';
import { watchProcess } from '../process-watch.ts';
import { removeDirectory } from '../remove-directory.ts';
import type { MountedVolume } from './contract.ts';
import { openHostSide } from './host-loops.ts';

/** Copying takes as long as it takes, but somebody waits for it. */
const TIMEOUT_MS = 3_600_000;

export interface Copy {
  readonly from: CopySource & Pick<MountedVolume, 'loop'>;
  readonly to: MountedVolume;
}

/**
 * Copies a tree by a plan, in a process that the next daemon finds and ends if this one dies. Throws the plan's failure; what is there by
 * then stays.
 */
export async function runCopy(
  core: Pick<Core, 'paths' | 'launcher' | 'loops'>,
  ctx: Ctx,
  { from, to }: Copy,
): Promise<void> {
  const id = newId();
  const directory = core.paths.shim(id);
  const { hooks, ended } = watchProcess({ onDetach: () => {}, onLogError: () => {} });
  await mkdir(directory, { mode: 0o700 });
  try {
    await using loops = await openHostSide(
      core,
      ctx,
      [from.loop, to.loop].filter((loop) => loop !== undefined),
    );
    const { hostSide } = loops;
    const plan = buildCopyPlan({ id, directory, from, to, hostSide, stagingDir: core.paths.staging });
    await core.launcher.launch(ctx.detached(TIMEOUT_MS), { id, directory, plan, attach: [], hooks });
    await ended;
  } finally {
    await removeDirectory(directory);
  }
}
