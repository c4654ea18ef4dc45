import type { Ctx } from '../../../common/ctx.ts';
import type { Change } from '../../../image/archives.ts';
import type { Core } from '../core.ts';
import { announce } from './announce.ts';
import { checkWhole } from './commit.ts';

/** Containers.export. Takes no lock: a removal meanwhile breaks the archive off. */
export async function exportRoot(
  core: Core,
  ctx: Ctx,
  reference: string,
): Promise<AsyncIterable<Uint8Array>> {
  const entry = core.table.find(reference);
  checkWhole(entry, 'export');
  const archive = await core.archives.exportRoot(ctx, entry.id);
  announce(core, entry, { action: 'export' });
  return archive;
}

/** Containers.changes. */
export async function changes(core: Core, ctx: Ctx, reference: string): Promise<readonly Change[]> {
  return core.archives.changes(ctx, core.table.find(reference).id);
}
