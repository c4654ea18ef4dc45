import type { Ctx } from '../../../../common/ctx.ts';
import { messageOf } from '../../../../common/errors.ts';
import { canCheck, checkAll } from '../../../../common/cni/chain.ts';
import type { Attachment, Checked } from './contract.ts';
import { isWhole, keyOf, netnsOf, type CniState } from './state.ts';

/** Cni.check: one container after the other, each under its lock. */
export async function check(ctx: Ctx, state: CniState, networkId: string | undefined): Promise<Checked[]> {
  const wanted = [...state.attachments.values()].filter(
    (each) => networkId === undefined || each.networkId === networkId,
  );
  const all: Checked[] = [];
  for (const attachment of wanted) {
    const checked = await checkOne(ctx, state, attachment);
    if (checked !== undefined) all.push(checked);
  }
  return all;
}

/** Undefined for what is gone, or not yet there. */
async function checkOne(ctx: Ctx, state: CniState, attachment: Attachment): Promise<Checked | undefined> {
  const { containerId, networkId, chain, networkName: network } = attachment;
  using _lock = await state.locks.acquire(containerId);
  ctx.check();
  const isCurrent = state.attachments.get(keyOf(attachment)) === attachment;
  if (!isCurrent || !isWhole(attachment)) return undefined;
  const place = { containerId, networkId };
  if (!canCheck(chain)) return { ...place, skipped: true, error: undefined };
  const { pluginDirectories } = state.config;
  try {
    await checkAll({ attachment, pluginDirectories, netns: netnsOf(state, attachment) });
    return { ...place, skipped: false, error: undefined };
  } catch (error) {
    ctx.log.error('A CNI network is not what its plugins made of it', {
      ...{ container: containerId, network },
      error: messageOf(error),
    });
    return { ...place, skipped: false, error: messageOf(error) };
  }
}
