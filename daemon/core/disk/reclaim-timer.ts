import type { Core } from '../core.ts';
import type { Storage } from './contract.ts';

const PERIOD_MS = 60_000;

/** Gives the disk back behind everybody's back, if the daemon has water marks; one pass at a time. */
export function reclaimRegularly(core: Core, storage: Pick<Storage<never>, 'reclaim'>): Disposable {
  let busy = false;
  const pass = async (): Promise<void> => {
    if (busy) return;
    busy = true;
    await core.background.run('Cannot reclaim the disk', {}, async () => {
      const { removed, reclaimedBytes } = await storage.reclaim(core.ctx, { dryRun: false });
      if (removed.length > 0)
        core.ctx.log.info('Images were removed, the disk was filling', { reclaimedBytes });
    });
    busy = false;
  };
  if (core.config.imageMarks.highPercent === 0) return { [Symbol.dispose]: () => {} };
  const timer = setInterval(() => void pass(), PERIOD_MS);
  timer.unref();
  void pass();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
