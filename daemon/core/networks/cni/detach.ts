import type { Ctx } from '../../../../common/ctx.ts';
import { internal, messageOf } from '../../../../common/errors.ts';
import { failpoint } from '../../../../common/failpoints.ts';
import { deleteAll } from '../../../../common/cni/chain.ts';
import type { Attachment } from './contract.ts';
import { attachmentsOf, keyOf, netnsOf, putAttachment, type CniState } from './state.ts';

const FIRST_PAUSE_MS = 1_000;
const LAST_PAUSE_MS = 300_000;

/** DEL, then the row goes. The caller has the container's lock. */
export async function deleteOne(state: CniState, attachment: Attachment): Promise<void> {
  await failpoint('network.cni.delete');
  const before = state.attachments.get(keyOf(attachment)) ?? attachment;
  const current = before.leaving === true ? before : { ...before, leaving: true };
  if (current !== before) putAttachment(state, current);
  const { pluginDirectories } = state.config;
  try {
    await deleteAll({ attachment: current, pluginDirectories, netns: netnsOf(state, current) });
  } catch (error) {
    throw internal(messageOf(error), { cause: error });
  }
  await failpoint('network.cni.deleted');
  state.store.delete(current);
  state.attachments.delete(keyOf(current));
}

/** Cni.detach. */
export async function detach(
  ctx: Ctx,
  state: CniState,
  place: Pick<Attachment, 'containerId' | 'networkId'>,
): Promise<void> {
  using _lock = await state.locks.acquire(place.containerId);
  ctx.check();
  const attachment = state.attachments.get(keyOf(place));
  if (attachment !== undefined) await deleteOne(state, attachment);
}

/** Cni.forget. */
export function forget(ctx: Ctx, state: CniState, containerId: string): Promise<void> {
  if (attachmentsOf(state, containerId).length === 0 && !state.held.isHeld(containerId)) {
    return Promise.resolve();
  }
  const done = leave(ctx, state, containerId).finally(() => {
    if (state.leaving.get(containerId) === done) state.leaving.delete(containerId);
  });
  state.leaving.set(containerId, done);
  return done;
}

/** Never throws. */
async function leave(ctx: Ctx, state: CniState, containerId: string): Promise<void> {
  using _lock = await state.locks.acquire(containerId);
  for (const attachment of attachmentsOf(state, containerId).toReversed())
    await tryOne(ctx, state, { attachment });
  await state.held.drop(containerId);
}

interface Retry {
  readonly attachment: Attachment;
  readonly pauseMs?: number;
}

/** DEL; if it fails, it is tried again. The caller has the container's lock. */
export async function tryOne(ctx: Ctx, state: CniState, retry: Retry): Promise<void> {
  const { attachment, pauseMs = FIRST_PAUSE_MS } = retry;
  try {
    await deleteOne(state, attachment);
  } catch (error) {
    const { containerId: container, networkName: network } = attachment;
    const again = `${pauseMs / 1000} s`;
    ctx.log.error('A CNI plugin did not take a container out of its network', {
      ...{ container, network, again },
      error: messageOf(error),
    });
    retryLater(ctx, state, retry);
  }
}

/** The pauses grow; what is left when the daemon ends is the next one's. */
export function retryLater(ctx: Ctx, state: CniState, { attachment, pauseMs = FIRST_PAUSE_MS }: Retry): void {
  const { containerId } = attachment;
  const current = state.attachments.get(keyOf(attachment));
  const retry = async (): Promise<void> => {
    using _lock = await state.locks.acquire(containerId);
    // Another one may be in its place by now.
    if (current === undefined || state.attachments.get(keyOf(attachment)) !== current) return;
    await tryOne(ctx, state, { attachment, pauseMs: Math.min(pauseMs * 2, LAST_PAUSE_MS) });
  };
  setTimeout(() => void retry(), pauseMs).unref();
}

/** Cni.settled. */
export async function settled(state: CniState, networkId: string): Promise<void> {
  const containers = [...state.attachments.values()]
    .filter((each) => each.networkId === networkId)
    .flatMap(({ containerId }) => state.leaving.get(containerId) ?? []);
  await Promise.all(containers);
  state.readiness.delete(networkId);
}
