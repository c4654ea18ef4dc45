import type { Ctx } from '../../../common/ctx.ts';
import { codeOf, conflict, messageOf, notFound, WherryError } from '../../../common/errors.ts';
import { failpoint } from '../../../common/failpoints.ts';
import { LOCAL_DRIVER, type VolumeDriver } from './contract.ts';
import type { VolumeParts } from './parts.ts';

export interface RemoveVolume {
  readonly name: string;
  /** One that is not there is no error, and neither is a plugin that can't be asked any more. */
  readonly force: boolean;
  /** Of the container that is removed together with it. */
  readonly except?: string;
}

/** Volumes.remove. Throws docker's texts. */
export async function removeVolume(parts: VolumeParts, ctx: Ctx, request: RemoveVolume): Promise<void> {
  const { name, force, except } = request;
  using _lock = await parts.locks.acquire(name);
  if (parts.table.find(name) === undefined) {
    if (force) return;
    throw notFound(`get ${name}: no such volume`);
  }
  const users = parts.users(name).filter((id) => id !== except);
  if (users.length > 0 || parts.table.isHeld(name)) {
    throw conflict(`remove ${name}: volume is in use - [${users.join(', ')}]`);
  }
  try {
    await removeLocked(parts, ctx, { name, force });
  } catch (error) {
    throw new WherryError(codeOf(error), `remove ${name}: ${messageOf(error)}`, { cause: error });
  }
}

/** The row goes last: as long as anything is left, somebody owns it. The caller has the lock, and has made sure that nobody uses it. */
export async function removeLocked(
  parts: VolumeParts,
  ctx: Ctx,
  { name, force }: { readonly name: string; readonly force: boolean },
): Promise<void> {
  const { table, drivers, events } = parts;
  const { driver: driverName } = table.get(name);
  table.setState(name, 'removing');
  await failpoint('volume.remove.row');
  try {
    const driver = await drivers.get(ctx, driverName);
    await removeFrom(driver, ctx.detached(REMOVE_TIMEOUT_MS), name);
  } catch (error) {
    // What lies on our own disk is not forgotten.
    if (!force || driverName === LOCAL_DRIVER) {
      table.setState(name, 'ready');
      throw error;
    }
    parts.ctx.log.warn('A volume is forgotten that its driver may still have', { volume: name, error });
  }
  table.remove(name);
  events.publish({ type: 'volume', action: 'destroy', actorId: name, attributes: { driver: driverName } });
}

/** What its driver does not have is gone. */
export async function removeFrom(driver: VolumeDriver, ctx: Ctx, name: string): Promise<void> {
  try {
    await driver.remove(ctx, name);
  } catch (error) {
    const found = await driver.find(ctx, name).catch(() => 'unknown');
    if (found !== undefined) throw error;
  }
}

const REMOVE_TIMEOUT_MS = 120_000;
