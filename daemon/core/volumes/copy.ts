import type { Ctx } from '../../../common/ctx.ts';
import {
  codeOf,
  conflict,
  invalidArgument,
  messageOf,
  notFound,
  WherryError,
} from '../../../common/errors.ts';
import { failpoint } from '../../../common/failpoints.ts';
import { formatTime, realTimeNs } from '../time.ts';
import { LOCAL_DRIVER, type Volume } from './contract.ts';
import type { VolumeParts } from './parts.ts';
import { showRow } from './show.ts';

/**
 * Volumes.copy: the new one is a volume only when it is whole. Its row is `removing` until then, so that a crash, or a failure, takes
 * away what was copied. The old one is neither locked nor frozen: what is written to it meanwhile may be in the copy or not.
 */
export async function copyVolume(
  parts: VolumeParts,
  ctx: Ctx,
  { from, to }: { readonly from: string; readonly to: string },
): Promise<Volume> {
  const { table, drivers } = parts;
  const source = table.find(from);
  if (source === undefined || source.state !== 'ready') throw notFound(`get ${from}: no such volume`);
  if (source.driver !== LOCAL_DRIVER || source.options['device'] !== undefined) {
    throw invalidArgument(`copy ${from}: only a local volume without mount options can be copied`);
  }
  drivers.local.check(to, source.options);
  using _lock = await parts.locks.acquire(to);
  if (table.find(to) !== undefined) throw conflict(`create ${to}: volume already exists`);
  // Nobody removes it in the middle.
  using _held = table.hold([from]);
  const createdAt = formatTime(realTimeNs()).replace(/\.\d+/, '');
  table.insert({ ...source, name: to, createdAt, state: 'removing' });
  try {
    await failpoint('volume.copy.row');
    await drivers.local.create(ctx, to, source.options);
    await parts.copyTree(ctx, from, to);
    await failpoint('volume.copy.made');
    table.setState(to, 'ready');
  } catch (error) {
    await drivers.local.remove(ctx.detached(), to);
    table.remove(to);
    throw new WherryError(codeOf(error), `copy ${from} to ${to}: ${messageOf(error)}`, { cause: error });
  }
  parts.events.publish({
    type: 'volume',
    action: 'create',
    actorId: to,
    attributes: { driver: LOCAL_DRIVER, from },
  });
  return showRow(parts, table.get(to));
}
