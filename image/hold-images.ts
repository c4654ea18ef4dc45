import type { Ctx } from '../common/ctx.ts';
import { messageOf } from '../common/errors.ts';
import type { ImageId } from './snapshots.ts';
import type { StoreParts } from './parts.ts';

/**
 * Keeps images whole while they are read: their blobs, and what dropped ones are made from again. To be disposed as often as
 * one likes; what was removed meanwhile goes then, a failure of which is logged.
 */
export function holdImages(
  ctx: Ctx,
  { catalog, content, rebuilt, collect }: Pick<StoreParts, 'catalog' | 'content' | 'rebuilt' | 'collect'>,
  ids: readonly ImageId[],
): AsyncDisposableStack {
  const blobs = ids.flatMap((id) => catalog.blobs(id));
  const held = new AsyncDisposableStack();
  held.defer(async () => {
    if (blobs.every((digest) => catalog.liveBlobs().has(digest))) return;
    await collect(ctx).catch((error: unknown) => {
      ctx.log.warn('Cannot remove an image that was read when it was removed', { error: messageOf(error) });
    });
  });
  held.use(content.hold(blobs));
  held.use(rebuilt.hold(blobs));
  return held;
}
