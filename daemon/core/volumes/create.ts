import type { Ctx } from '../../../common/ctx.ts';
import { codeOf, conflict, messageOf, WherryError } from '../../../common/errors.ts';
import { failpoint } from '../../../common/failpoints.ts';
import { newId } from '../../../common/ids.ts';
import type { VolumeRow } from '../../store/volumes.ts';
import { formatTime, realTimeNs } from '../time.ts';
import {
  ANONYMOUS_LABEL,
  LOCAL_DRIVER,
  type Volume,
  type VolumeDriver,
  type VolumeRequest,
} from './contract.ts';
import type { VolumeParts } from './parts.ts';
import { removeFrom } from './remove.ts';
import { describeRow } from './show.ts';

/** Volumes.create: the row first, then its driver; a crash in between is made good by the next daemon. */
export async function createVolume(parts: VolumeParts, ctx: Ctx, request: VolumeRequest): Promise<Volume> {
  const name = request.name || newId();
  using _lock = await parts.locks.acquire(name);
  try {
    return await createLocked(parts, ctx, { ...request, name, isAnonymous: !request.name });
  } catch (error) {
    throw new WherryError(codeOf(error), `create ${name}: ${messageOf(error)}`, { cause: error });
  }
}

interface Named extends VolumeRequest {
  readonly name: string;
  readonly isAnonymous: boolean;
}

async function createLocked(parts: VolumeParts, ctx: Ctx, request: Named): Promise<Volume> {
  const { table } = parts;
  const { name, options, labels, isAnonymous } = request;
  const known = table.find(name);
  const driverName = request.driver || known?.driver || LOCAL_DRIVER;
  const driver = await parts.drivers.get(ctx, driverName);
  if (known !== undefined) return existing(parts, ctx, { known, driverName, driver });
  driver.check(name, options);
  const row: VolumeRow = {
    name,
    driver: driverName,
    options,
    labels: isAnonymous ? { ...labels, [ANONYMOUS_LABEL]: '' } : labels,
    createdAt: formatTime(realTimeNs()).replace(/\.\d+/, ''),
    state: 'creating',
  };
  table.insert(row);
  try {
    await failpoint('volume.create.row');
    // A plugin may have it from another host: then it is taken over as it is.
    const found = await (driverName === LOCAL_DRIVER ? undefined : driver.find(ctx, name));
    if (found === undefined) await driver.create(ctx, name, options);
    await failpoint('volume.create.made');
    table.setState(name, 'ready');
  } catch (error) {
    await takeBack(parts, row, driver);
    throw error;
  }
  parts.events.publish({
    type: 'volume',
    action: 'create',
    actorId: name,
    attributes: { driver: driverName },
  });
  return describeRow(parts, ctx, table.get(name));
}

/** Docker's: whatever else was asked for, a volume of the name is the volume. */
async function existing(
  parts: VolumeParts,
  ctx: Ctx,
  {
    known,
    driverName,
    driver,
  }: { readonly known: VolumeRow; readonly driverName: string; readonly driver: VolumeDriver },
): Promise<Volume> {
  if (known.driver !== driverName) {
    throw conflict(`driver '${known.driver}' already has volume '${known.name}': volume name must be unique`);
  }
  if (known.state === 'removing') {
    throw conflict(`volume is being removed`);
  }
  if (known.state === 'creating') {
    await driver.create(ctx, known.name, known.options);
    parts.table.setState(known.name, 'ready');
  }
  return describeRow(parts, ctx, parts.table.get(known.name));
}

/** The row stays as long as its driver may have something. */
async function takeBack({ table, ctx }: VolumeParts, row: VolumeRow, driver: VolumeDriver): Promise<void> {
  try {
    table.setState(row.name, 'removing');
    await removeFrom(driver, ctx.detached(), row.name);
    table.remove(row.name);
  } catch (error) {
    ctx.log.error('Cannot take a volume back that was not made', { volume: row.name, error });
  }
}
