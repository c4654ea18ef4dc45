import { cgroupPathOf, killCgroup, removeCgroup } from '../cgroups.ts';
import type { Container } from '../contract.ts';
import type { Core } from '../core.ts';
import { untilDone } from '../until-done.ts';

/**
 * For a launch that hangs in a call to the kernel: kills what there is of it, which ends when the kernel answers, and then removes its
 * cgroup. Nobody waits for that, a container that runs by then is left alone, and what a daemon that stops leaves its next start collects.
 */
export function clearLater(core: Core, view: Container): void {
  const path = cgroupPathOf(core, view);
  const { cgroups } = core.host;
  const clear = async (): Promise<void> => {
    await killCgroup(cgroups, path);
    await untilDone(core, async () => {
      using _ = await core.locks.acquire(view.id);
      await removeCgroup(cgroups, path);
    });
  };
  clear().catch((error: unknown) =>
    core.ctx.log.warn('Cannot clear away after a launch that hung', { container: view.id, error }),
  );
}
