import type { Ctx } from '../../../../common/ctx.ts';
import { messageOf } from '../../../../common/errors.ts';
import { check } from './check.ts';
import type { LiveContainer } from './contract.ts';
import { forget, tryOne } from './detach.ts';
import { isWhole, keyOf, type CniState } from './state.ts';
import { endStrayPlugins } from './stray-plugins.ts';

/**
 * Cni.reconcile. Plugins may take their time, so what they are called for goes on behind it: DEL for what nobody lives in, or what was
 * never finished, then CHECK for the rest.
 */
export async function reconcile(ctx: Ctx, state: CniState, live: readonly LiveContainer[]): Promise<void> {
  await state.held.clear();
  const all = [...state.attachments.values()];
  const stray = await endStrayPlugins(new Set(all.map(({ containerId }) => containerId)));
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
  void Promise.all(leaving).then(() => check(ctx, state, undefined));
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
