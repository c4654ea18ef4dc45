import type { Ctx } from '../../../common/ctx.ts';
import type { Core } from '../core.ts';
import type { Engine } from '../contract.ts';
import { untilRead } from '../operations/until-read.ts';

/** The verbs on images that take their time, each as an operation: what clients ask for, not what containers do with them. */
export function notedImages(core: Core): Pick<Engine, 'images' | 'transfers' | 'archives' | 'disk'> {
  const { images, transfers, archives, disk, operations } = core;
  const note = <T>(
    ctx: Ctx,
    [name, id]: readonly [string, string],
    work: (own: Ctx) => Promise<T>,
  ): Promise<T> => operations.run(ctx, { name, subject: { kind: 'image', id } }, work);
  return {
    images: {
      ...images,
      load: (ctx, archive, progress) => note(ctx, ['load', ''], (own) => images.load(own, archive, progress)),
      remove: (ctx, reference, options) =>
        note(ctx, ['remove', reference], (own) => images.remove(own, reference, options)),
    },
    transfers: {
      ...transfers,
      pull: (ctx, request, progress) =>
        note(ctx, ['pull', request.reference], (own) => transfers.pull(own, request, progress)),
      push: (ctx, request, progress) =>
        note(ctx, ['push', request.reference], (own) => transfers.push(own, request, progress)),
    },
    archives: {
      ...archives,
      save: (ctx, references, platform) =>
        untilRead(
          (work) => note(ctx, ['save', references.join(', ')], work),
          (own) => archives.save(own, references, platform),
        ),
      importRoot: (ctx, archive, request) =>
        note(ctx, ['import', ''], (own) => archives.importRoot(own, archive, request)),
    },
    disk: {
      ...disk,
      verify: (ctx) => note(ctx, ['verify', ''], (own) => disk.verify(own)),
      check: (ctx, request) => note(ctx, ['check', ''], (own) => disk.check(own, request)),
      prune: (ctx, request) => note(ctx, ['prune', ''], (own) => disk.prune(own, request)),
      compact: (ctx) => note(ctx, ['compact', ''], (own) => disk.compact(own)),
    },
  };
}
