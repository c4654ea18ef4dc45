import { posix } from 'node:path';
import type { Ctx } from '../../../../common/ctx.ts';
import { codeOf, internal, invalidArgument, messageOf } from '../../../../common/errors.ts';
import { callPlugin } from './call.ts';
import type { PluginDriver, PluginVolume } from './contract.ts';
import type { PluginAddress } from './find.ts';

/** Docker's: making and mounting takes two minutes at most, asking a few seconds. */
const LONG_MS = 120_000;
const SHORT_MS = 5_000;

/** A plugin's volumes, over its address. `scope` is what its Capabilities said. */
export function pluginDriver(plugin: {
  readonly name: string;
  readonly address: PluginAddress;
  readonly scope: 'local' | 'global';
}): PluginDriver {
  const { name: driver, address, scope } = plugin;
  const ask = (
    ctx: Ctx,
    verb: string,
    call: { readonly body: object; readonly timeoutMs: number },
  ): Promise<Record<string, unknown>> =>
    callPlugin(ctx, { name: driver, address, method: `VolumeDriver.${verb}`, ...call });
  return {
    scope,
    check: (name) => {
      if (name.includes('\0')) throw invalidArgument(`"${name}" is no name for a volume`);
    },
    create: async (ctx, name, options) => {
      await ask(ctx, 'Create', { body: { Name: name, Opts: options }, timeoutMs: LONG_MS });
    },
    remove: async (ctx, name) => {
      await ask(ctx, 'Remove', { body: { Name: name }, timeoutMs: LONG_MS });
    },
    find: async (ctx, name) => {
      try {
        const { Volume } = await ask(ctx, 'Get', { body: { Name: name }, timeoutMs: SHORT_MS });
        return readVolume(Volume);
      } catch (error) {
        // It answered: it has no such volume.
        if (codeOf(error) === 'internal') return undefined;
        throw error;
      }
    },
    mount: async (ctx, name, id) => {
      const { Mountpoint } = await ask(ctx, 'Mount', { body: { Name: name, ID: id }, timeoutMs: LONG_MS });
      return { source: checkMountpoint(driver, Mountpoint) };
    },
    unmount: async (ctx, name, id) => {
      await ask(ctx, 'Unmount', { body: { Name: name, ID: id }, timeoutMs: LONG_MS });
    },
    list: async (ctx) => {
      const { Volumes } = await ask(ctx, 'List', { body: {}, timeoutMs: SHORT_MS });
      return (Array.isArray(Volumes) ? Volumes : []).map(readVolume).filter((each) => each !== undefined);
    },
  };
}

/** Throws when the plugin is none that keeps volumes. */
export async function activate(
  ctx: Ctx,
  { name, address }: { readonly name: string; readonly address: PluginAddress },
): Promise<PluginDriver> {
  const call = { name, address, body: {}, timeoutMs: SHORT_MS };
  const { Implements } = await callPlugin(ctx, { ...call, method: 'Plugin.Activate' });
  if (!Array.isArray(Implements) || !Implements.includes('VolumeDriver')) {
    throw invalidArgument(`plugin "${name}" does not implement VolumeDriver`);
  }
  return pluginDriver({ name, address, scope: await scopeOf(ctx, call) });
}

/** Old plugins have no such call: local. */
async function scopeOf(
  ctx: Ctx,
  call: Omit<Parameters<typeof callPlugin>[1], 'method'>,
): Promise<'local' | 'global'> {
  try {
    const { Capabilities } = await callPlugin(ctx, { ...call, method: 'VolumeDriver.Capabilities' });
    const { Scope = '' } = (Capabilities ?? {}) as { Scope?: unknown };
    return String(Scope).toLowerCase() === 'global' ? 'global' : 'local';
  } catch (error) {
    ctx.log.debug('A volume plugin has no capabilities', { plugin: call.name, error: messageOf(error) });
    return 'local';
  }
}

function readVolume(value: unknown): PluginVolume | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { Name = '', Mountpoint = '', CreatedAt = '', Status } = value as Record<string, unknown>;
  const status = typeof Status === 'object' && Status !== null ? { ...Status } : undefined;
  return { name: String(Name), mountpoint: String(Mountpoint), createdAt: String(CreatedAt), status };
}

/** What is bound into the container is where the plugin says, so it has to be a place. */
function checkMountpoint(driver: string, mountpoint: unknown): string {
  if (typeof mountpoint !== 'string' || !posix.isAbsolute(mountpoint)) {
    throw internal(
      `plugin "${driver}": VolumeDriver.Mount: its mount point is ${JSON.stringify(mountpoint)}`,
    );
  }
  return mountpoint;
}
