import type { Core } from '../core.ts';
import type { Entry } from '../containers/table.ts';
import { packRotated } from '../logs/pack.ts';
import { compressesLog, logConfigOf } from '../spec/log-config.ts';

const INTERVAL_MS = 10_000;

/** Compresses rotated log files of containers that want it, now and then, one after the other. */
export function packRegularly(core: () => Core): { readonly close: () => Promise<void> } {
  let pass = Promise.resolve();
  let isBusy = false;
  let isClosed = false;
  const timer = setInterval(() => {
    if (isBusy) return;
    isBusy = true;
    pass = packAll(core(), () => isClosed).finally(() => (isBusy = false));
  }, INTERVAL_MS);
  timer.unref();
  return {
    close: async () => {
      isClosed = true;
      clearInterval(timer);
      await pass;
    },
  };
}

async function packAll(core: Core, isClosed: () => boolean): Promise<void> {
  for (const entry of [...core.table.all()]) {
    if (isClosed()) return;
    if (entry.view.config.host.logDriver === 'none' || !compressesLog(entry.view.config)) continue;
    try {
      await pack(core, entry);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue;
      core.ctx.log.error('Cannot compress the log of a container', { container: entry.id, error });
    }
  }
}

async function pack(core: Core, { id, view }: Entry): Promise<void> {
  const path = core.paths.log(id);
  const maxFiles = logConfigOf({ ...view, logFile: path })?.maxFiles ?? 1;
  const hold = async (): Promise<Disposable | undefined> => {
    const lock = await core.locks.acquire(id, 'compress its log');
    if (core.table.byId(id) !== undefined) return lock;
    lock[Symbol.dispose]();
    return undefined;
  };
  await packRotated({ path, uses: core.logUses, maxFiles, hold });
}
