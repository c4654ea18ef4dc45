import type { Ctx } from '../../../../common/ctx.ts';
import type { PluginDriver, PluginDrivers } from './contract.ts';
import { activate } from './driver.ts';
import { findPlugin, pluginNames, type PluginDirectories } from './find.ts';

/** Activates each plugin once. One that failed is looked for anew: it may have been started meanwhile, or moved. */
export function createPlugins(directories: PluginDirectories): PluginDrivers {
  const known = new Map<string, Promise<PluginDriver>>();
  const find = async (ctx: Ctx, name: string): Promise<PluginDriver> =>
    activate(ctx, { name, address: await findPlugin(directories, name) });
  return {
    get: (ctx, name) => {
      const before = known.get(name);
      if (before !== undefined) return before;
      const finding = find(ctx, name);
      known.set(name, finding);
      finding.catch(() => known.delete(name));
      return finding;
    },
    names: async () => [...new Set([...known.keys(), ...(await pluginNames(directories))])],
  };
}
