import type { Engine } from './contract.ts';
import type { EngineOptions } from './options.ts';

export interface OpenEngine extends Engine {
  /** Lets go of every shim and waits for background work; containers go on. */
  close(): Promise<void>;
}

/**
 * Opens the engine: reads its tables, finds every shim again, records the exits that happened meanwhile, finishes what was
 * interrupted, collects what nobody owns, then reconciles the networks. Resolves when requests may come.
 */
export async function openEngine(options: EngineOptions): Promise<OpenEngine> {
  await options.networks.reconcile(options.ctx, new Set());
  throw new Error('not yet');
}
