import { notFound } from '../../../../common/errors.ts';
import type { PluginDrivers } from './contract.ts';

export const createPlugins = (): PluginDrivers => ({
  get: (_ctx, name) => Promise.reject(notFound(`plugin "${name}" not found`)),
  names: () => Promise.resolve([]),
});
