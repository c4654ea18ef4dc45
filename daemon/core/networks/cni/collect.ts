import { collectAll, type NetworkCall } from '../../../../common/cni/chain.ts';
import type { CniState } from './state.ts';

/**
 * GC for a network: what its plugins keep, by its list's name, for no attachment of ours goes. Other networks of ours may have the same
 * list; another runtime's must not (`disableGC`). Meanwhile no attachment to it begins. Throws in the plugins' words.
 */
export async function collect(state: CniState, call: NetworkCall): Promise<void> {
  const { name } = call.chain;
  await collected(state, name);
  const { promise, resolve } = Promise.withResolvers<void>();
  state.collecting.set(name, promise);
  try {
    const valid = [...state.attachments.values()].filter(
      ({ chain, leaving }) => chain.name === name && leaving !== true,
    );
    await collectAll(call, valid);
  } finally {
    state.collecting.delete(name);
    resolve();
  }
}

/** Waits while there is a collection for lists of that name; what is done at once then is before the next one. */
export async function collected({ collecting }: CniState, name: string): Promise<void> {
  for (let under = collecting.get(name); under !== undefined; under = collecting.get(name)) await under;
}
