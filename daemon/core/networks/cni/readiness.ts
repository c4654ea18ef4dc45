import { messageOf } from '../../../../common/errors.ts';
import { formatTime, realTimeNs } from '../../time.ts';
import { hasNetworkVerbs, statusOfAll, type NetworkCall } from '../../../../common/cni/chain.ts';
import type { CniNetwork, Readiness } from './contract.ts';
import { networkCall } from './load.ts';
import type { CniState } from './state.ts';

/** Cni.status. */
export async function status(state: CniState, network: CniNetwork): Promise<Readiness | undefined> {
  const call = await networkCall(state, network);
  try {
    await requireReady(state, call);
  } catch {
    // It is noted.
  }
  return state.readiness.get(network.id);
}

/** Asks, and notes the answer. Throws in the words of the plugin that can take no container. */
export async function requireReady({ readiness }: CniState, call: NetworkCall): Promise<void> {
  readiness.delete(call.networkId);
  if (!hasNetworkVerbs(call.chain)) return;
  const note = (error: string | undefined): void =>
    void readiness.set(call.networkId, { at: formatTime(realTimeNs()), error });
  try {
    await statusOfAll(call);
    note(undefined);
  } catch (error) {
    note(messageOf(error));
    throw error;
  }
}
