import { rm, rmdir } from 'node:fs/promises';
import type { Core } from '../core.ts';
import { watchProcess, type Ending } from '../process-watch.ts';
import type { Shim, ShimHooks } from '../../../shim/contract.ts';

export type FoundShim =
  | { readonly kind: 'live'; readonly shim: Shim; readonly ended: Promise<Ending> }
  | { readonly kind: 'ended'; readonly ending: Extract<Ending, { kind: 'exit' }> }
  | { readonly kind: 'none' };

/**
 * Finds the shim of a container or exec again. Without one its directory is gone afterwards: a shim that the last daemon was
 * just starting when it died can't begin any more then.
 */
export async function findShim(
  core: Core,
  id: string,
  on: Pick<ShimHooks, 'onDetach' | 'onLogError'> & {
    /** Before the directory of one that is gone goes. */
    readonly beforeRemoval?: () => Promise<void>;
  },
): Promise<FoundShim> {
  const directory = core.paths.shim(id);
  const look = async (): Promise<FoundShim> => {
    const { hooks, ended } = watchProcess(on);
    const found = await core.launcher.find(core.ctx.detached(), { id, directory, hooks });
    if (found === undefined) return { kind: 'none' };
    return found.kind === 'live'
      ? { kind: 'live', shim: found.shim, ended }
      : { kind: 'ended', ending: { kind: 'exit', exit: found.exit } };
  };
  const first = await look();
  if (first.kind !== 'none' || (await removeIfEmpty(directory))) return first;
  // A socket: of a shim that came meanwhile, or of one that was killed.
  const second = await look();
  if (second.kind === 'none') {
    await on.beforeRemoval?.();
    await rm(directory, { recursive: true, force: true });
  }
  return second;
}

/** Atomic against a shim that is about to make its socket in there. */
async function removeIfEmpty(directory: string): Promise<boolean> {
  try {
    await rmdir(directory);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return true;
    if (code === 'ENOTEMPTY' || code === 'EEXIST') return false;
    throw error;
  }
}
