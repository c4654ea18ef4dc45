import type { Ctx } from '../../../../common/ctx.ts';
import type { VolumeDriver } from '../contract.ts';

/** A volume as its plugin tells of it. */
export interface PluginVolume {
  readonly name: string;
  readonly mountpoint: string;
  readonly createdAt: string;
  readonly status: Readonly<Record<string, unknown>> | undefined;
}

export interface PluginDriver extends VolumeDriver {
  list(ctx: Ctx): Promise<readonly PluginVolume[]>;
}

/**
 * Plugins that keep volumes, found as docker finds them: `NAME.sock` below the directory of sockets (or `NAME/NAME.sock`), then
 * `NAME.spec` or `NAME.json` below those of specifications. Each call has a deadline: a plugin that hangs holds nobody but who asked.
 */
export interface PluginDrivers {
  /** Activates it. Throws `not-found` `plugin "x" not found`. */
  get(ctx: Ctx, name: string): Promise<PluginDriver>;
  /** Names of those that were used, and of those that are there to be. */
  names(): Promise<readonly string[]>;
}
