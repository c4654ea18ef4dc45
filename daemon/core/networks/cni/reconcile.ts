import type { Ctx } from '../../../../common/ctx.ts';
import { messageOf } from '../../../../common/errors.ts';
import { hasNetworkVerbs } from '../../../../common/cni/chain.ts';
import { check } from './check.ts';
import { collect } from './collect.ts';
import type { CniNetwork, Present } from './contract.ts';
import { forget, tryOne } from './detach.ts';
import { networkCall } from './load.ts';
import { status } from './readiness.ts';
import { isWhole, keyOf, type CniState } from './state.ts';
import { endStrayPlugins } from './stray-plugins.ts';

/**
 * Cni.reconcile. Plugins may take their time, so what they are called for goes on behind it: DEL for what nobody lives in, or what was
 * never finished, then CHECK for the rest, then STATUS and GC of the networks.
 */
export async function reconcile(ctx: Ctx, state: CniState, { live, networks }: Present): Promise<void> {
  await state.held.clear();
  const all = [...state.attachments.values()];
  const subjects = [...all.map(({ containerId }) => containerId), ...networks.map(({ id }) => id)];
  const stray = await endStrayPlugins(new Set(subjects));
  if (stray > 0) ctx.log.warn('Ended CNI plugins that the daemon before had started', { processes: stray });
  const alive = new Map(live.map(({ containerId, pid }) => [containerId, pid]));
  for (const containerId of new Set(all.map((each) => each.containerId))) {
    const pid = alive.get(containerId);
    if (pid !== undefined) await adopt(ctx, state, [containerId, pid]);
  }
  const kept = new Set(
    live.flatMap(({ containerId, networkIds }) =>
      networkIds.map((networkId) => keyOf({ containerId, networkId })),
    ),
  );
  const dead = new Set(all.map((each) => each.containerId).filter((id) => !alive.has(id)));
  const lost = all.filter((each) => alive.has(each.containerId) && !(kept.has(keyOf(each)) && isWhole(each)));
  const leaving = [
    ...[...dead].map((containerId) => forget(ctx, state, containerId)),
    ...lost.map(async (each) => {
      using _lock = await state.locks.acquire(each.containerId);
      await tryOne(ctx, state, { attachment: each });
    }),
  ];
  void Promise.all(leaving).then(async () => {
    await check(ctx, state, undefined);
    for (const network of networks) await settleNetwork(ctx, state, network);
  });
}

/** Never throws. */
async function settleNetwork(ctx: Ctx, state: CniState, network: CniNetwork): Promise<void> {
  try {
    const call = await networkCall(state, network);
    if (!hasNetworkVerbs(call.chain)) return;
    const ready = await status(state, network);
    if (ready?.error !== undefined)
      ctx.log.warn('A CNI network can take no container', { network: network.id, error: ready.error });
    if (call.chain.disableGc !== true) await collect(state, call);
  } catch (error) {
    ctx.log.error('A CNI network could not be rid of what nobody has', {
      network: network.id,
      error: messageOf(error),
    });
  }
}

/** One whose process has just ended is gone: so is what was in it. */
async function adopt(
  ctx: Ctx,
  { held }: CniState,
  [containerId, pid]: readonly [string, number],
): Promise<void> {
  try {
    await held.adopt(containerId, pid);
  } catch (error) {
    ctx.log.warn('Cannot hold the network namespace of a container', {
      container: containerId,
      error: messageOf(error),
    });
  }
}
