import { mkdir } from 'node:fs/promises';
import type { Ctx } from '../../../common/ctx.ts';
import { codeOf, invalidArgument, messageOf } from '../../../common/errors.ts';
import { failpoint } from '../../../common/failpoints.ts';
import { newId } from '../../../common/ids.ts';
import { Undo } from '../../../common/undo.ts';
import type { Image } from '../../../image/images.ts';
import type { CreateRequest } from '../contract.ts';
import type { Core } from '../core.ts';
import { together } from '../together.ts';
import { fillVolumesOf, makeVolumesFor } from '../volumes/prepare.ts';
import { announce } from './announce.ts';
import { discard } from './discard.ts';
import { checkRequest, settle } from './settle.ts';

/** Containers.create: the row first, so that all that follows has an owner; then the snapshot and the directory. */
export async function create(
  core: Core,
  ctx: Ctx,
  asked: CreateRequest,
): Promise<{ id: string; warnings: readonly string[] }> {
  const { request, warnings } = await checkRequest(core, asked);
  const id = newId();
  // Nobody else knows the id yet; a client that guesses the name waits until the container is whole.
  using _lock = await core.locks.acquire(id, 'create');
  // From here to the row nothing waits: the image stays, and the name stays free.
  const image = core.images.get(request.image);
  const { view, volumes, warnings: unchecked } = settle(core, { request, image, id });
  const entry = core.table.insert(view);
  await using undo = new Undo();
  undo.defer(() =>
    core.background.run('Cannot discard a container that was not made', { container: id }, () =>
      discard(core, ctx.detached(), { entry, volumes: true }),
    ),
  );
  await failpoint('container.create.row');
  // Before the snapshot, without which a container is none after a crash.
  await makeVolumesFor(core, ctx, volumes);
  await fillVolumesOf(core, ctx, view);
  await together([
    makeRoot(core, ctx, { id, image, sizeBytes: view.config.host.rootSizeBytes }),
    mkdir(core.paths.container(id), { mode: 0o710 }),
  ]);
  await failpoint('container.create.files');
  // Asked for again: a layer may have been exchanged while the others were made.
  core.table.publish(entry, { overlay: core.snapshots.get(id) });
  undo.commit();
  core.disk.touch(image.id);
  announce(core, entry, { action: 'create' });
  return { id, warnings: [...warnings, ...unchecked] };
}

async function makeRoot(
  { snapshots }: Core,
  ctx: Ctx,
  {
    id,
    image,
    sizeBytes,
  }: { readonly id: string; readonly image: Image; readonly sizeBytes: number | undefined },
): Promise<void> {
  const top = image.topChain;
  try {
    await (sizeBytes === undefined
      ? snapshots.prepare(ctx, id, top)
      : snapshots.prepareSized(ctx, id, { top, sizeBytes }));
  } catch (error) {
    if (sizeBytes === undefined || codeOf(error) !== 'invalid-argument') throw error;
    // Docker's words; ext4 will do as well.
    const supported = "--storage-opt is supported only for overlay over xfs with 'pquota' mount option";
    throw invalidArgument(`${supported}: ${messageOf(error)}`, { cause: error });
  }
}
