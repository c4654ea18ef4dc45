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
  return await inWords(name, () =>
    createLocked(parts, ctx, { ...request, name, isAnonymous: !request.name }),
  );
}

/** Whether `createVolume` would find one of the name. Makes nothing; throws what it would throw of name, driver and options. */
export async function foreseeVolume(
  parts: VolumeParts,
  ctx: Ctx,
  request: VolumeRequest & { readonly name: string },
): Promise<{ readonly driver: string; readonly exists: boolean }> {
  const { known, driverName } = await inWords(request.name, () => admit(parts, ctx, request));
  return { driver: driverName, exists: known !== undefined };
}

async function inWords<T>(name: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw new WherryError(codeOf(error), `create ${name}: ${messageOf(error)}`, { cause: error });
  }
}

interface Admitted {
  readonly known: VolumeRow | undefined;
  readonly driverName: string;
  readonly driver: VolumeDriver;
}

/** Who keeps the volume, and the one of that name if there is one. */
async function admit(
  { table, drivers }: VolumeParts,
  ctx: Ctx,
  { name, options, driver: asked }: VolumeRequest & { readonly name: string },
): Promise<Admitted> {
  const known = table.find(name);
  const driverName = asked || known?.driver || LOCAL_DRIVER;
  const driver = await drivers.get(ctx, driverName);
  if (known === undefined) driver.check(name, options);
  else if (known.driver !== driverName) {
    throw conflict(`driver '${known.driver}' already has volume '${known.name}': volume name must be unique`);
  } else if (known.state === 'removing') throw conflict(`volume is being removed`);
  return { known, driverName, driver };
}

interface Named extends VolumeRequest {
  readonly name: string;
  readonly isAnonymous: boolean;
}

async function createLocked(parts: VolumeParts, ctx: Ctx, request: Named): Promise<Volume> {
  const { table } = parts;
  const { name, options, labels, isAnonymous } = request;
  const { known, driverName, driver } = await admit(parts, ctx, request);
  if (known !== undefined) return existing(parts, ctx, { known, driver });
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
  { known, driver }: { readonly known: VolumeRow; readonly driver: VolumeDriver },
): Promise<Volume> {
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
