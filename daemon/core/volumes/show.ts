import type { Ctx } from '../../../common/ctx.ts';
import type { VolumeRow } from '../../store/volumes.ts';
import { LOCAL_DRIVER, type Volume } from './contract.ts';
import type { VolumeParts } from './parts.ts';

/** A row as everybody sees it; nothing is asked, so a plugin's volume has no mount point. */
export function showRow(parts: Pick<VolumeParts, 'drivers'>, row: VolumeRow): Volume {
  const { name, driver, labels, options, createdAt } = row;
  const mountpoint = driver === LOCAL_DRIVER ? parts.drivers.local.dataPath(name) : '';
  return { name, driver, mountpoint, labels, options, createdAt, scope: 'local' };
}

/** The same with what its driver says. Throws what that throws; undefined if it does not know the volume. */
export async function askDriver(parts: VolumeParts, ctx: Ctx, row: VolumeRow): Promise<Volume | undefined> {
  if (row.driver === LOCAL_DRIVER) return showRow(parts, row);
  const driver = await parts.drivers.get(ctx, row.driver);
  const found = await driver.find(ctx, row.name);
  return found === undefined ? undefined : { ...showRow(parts, row), ...found, scope: driver.scope };
}

export const describeRow = async (parts: VolumeParts, ctx: Ctx, row: VolumeRow): Promise<Volume> =>
  (await askDriver(parts, ctx, row)) ?? showRow(parts, row);
