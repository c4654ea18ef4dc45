import { setTimeout as sleep } from 'node:timers/promises';
import { cgroupPathOf, killCgroup, removeCgroup } from '../cgroups.ts';
import type { Container } from '../contract.ts';
import type { Core } from '../core.ts';

const RETRY_MS = 1_000;

/**
 * For a launch that hangs in a call to the kernel: kills what there is of it, which ends when the kernel answers, and then removes its
 * cgroup. Nobody waits for that, a container that runs by then is left alone, and what a daemon that stops leaves its next start collects.
 */
export function clearLater(core: Core, view: Container): void {
  const path = cgroupPathOf(core, view);
  const { cgroups } = core.host;
  const clear = async (): Promise<void> => {
    await killCgroup(cgroups, path);
    for (;;) {
      await sleep(RETRY_MS, undefined, { ref: false, signal: core.ctx.signal });
      using _ = await core.locks.acquire(view.id);
      const isGone = await removeCgroup(cgroups, path).then(
        () => true,
        () => false,
      );
      if (isGone) return;
    }
  };
  clear().catch((error: unknown) =>
    core.ctx.log.warn('Cannot clear away after a launch that hung', { container: view.id, error }),
  );
}
