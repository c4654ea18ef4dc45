import type { Exit, ShimHooks } from '../../shim/contract.ts';

/** How a shim's process ended: by its record, or unknown because the shim was killed. */
export type Ending = { readonly kind: 'exit'; readonly exit: Exit } | { readonly kind: 'lost' };

export interface ProcessWatch {
  readonly hooks: ShimHooks;
  readonly ended: Promise<Ending>;
}

/** Hooks that stand before the process does; its end is kept until somebody asks. */
export function watchProcess(on: Pick<ShimHooks, 'onDetach' | 'onLogError'>): ProcessWatch {
  const { promise, resolve } = Promise.withResolvers<Ending>();
  const hooks: ShimHooks = {
    ...on,
    onExit: (exit) => resolve({ kind: 'exit', exit }),
    onLost: () => resolve({ kind: 'lost' }),
  };
  return { hooks, ended: promise };
}
