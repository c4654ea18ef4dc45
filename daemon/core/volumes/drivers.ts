import { messageOf, WherryError } from '../../../common/errors.ts';
import type { Ctx } from '../../../common/ctx.ts';
import { LOCAL_DRIVER, type VolumeDriver } from './contract.ts';
import type { LocalDriver } from './local.ts';
import type { PluginDrivers } from './plugins/contract.ts';

/** Every driver that there is. */
export interface VolumeDrivers {
  readonly local: LocalDriver;
  readonly plugins: PluginDrivers;
  /** Throws `not-found` `error looking up volume plugin x: plugin "x" not found`. */
  get(ctx: Ctx, name: string): Promise<VolumeDriver>;
}

export const createDrivers = (local: LocalDriver, plugins: PluginDrivers): VolumeDrivers => ({
  local,
  plugins,
  get: async (ctx, name) => {
    if (name === LOCAL_DRIVER) return local;
    try {
      return await plugins.get(ctx, name);
    } catch (error) {
      throw new WherryError('not-found', `error looking up volume plugin ${name}: ${messageOf(error)}`, {
        cause: error,
      });
    }
  },
});
