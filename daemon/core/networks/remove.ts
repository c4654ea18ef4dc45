import type { Ctx } from '../../../common/ctx.ts';
import { WherryError } from '../../../common/errors.ts';
import { failpoint } from '../../../common/failpoints.ts';
import { checkUnused } from './config-networks.ts';
import { putRules } from './kernel-side.ts';
import { bridgeNameOf } from './network.ts';
import { findNetwork, isPredefined } from './network-list.ts';
import type { State } from './state.ts';
import type { NetworkView } from './types.ts';

/** Networks.remove: rules and device first, so that as long as anything is left, a row owns it. */
export async function removeNetwork(ctx: Ctx, state: State, reference: string): Promise<NetworkView> {
  using _lock = await state.locks.acquire('networks');
  ctx.check();
  const network = findNetwork(state.networks.values(), reference);
  const { view } = network;
  if (isPredefined(view.name)) {
    throw new WherryError('permission-denied', `${view.name} is a pre-defined network and cannot be removed`);
  }
  if ((state.members.get(view.id)?.size ?? 0) > 0) {
    throw new WherryError(
      'permission-denied',
      `error while removing network: network ${view.name} id ${view.id} has active endpoints`,
    );
  }
  checkUnused(view, state.networks.values());
  // From here nobody can join it.
  state.networks.delete(view.id);
  try {
    await failpoint('network.remove.device');
    if (view.driver === 'bridge')
      await state.kernel.run({ kind: 'delete-link', name: bridgeNameOf(network) });
    await putRules(state);
    if (view.driver === 'cni') await state.cni.settled(view.id);
    await failpoint('network.remove.row');
    state.store.deleteNetwork(view.id);
  } catch (error) {
    state.networks.set(view.id, network);
    throw error;
  }
  state.members.delete(view.id);
  return view;
}
