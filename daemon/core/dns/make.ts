import type { Core } from '../core.ts';
import type { Resolvers } from './contract.ts';
import { createResolvers } from './resolvers.ts';

/** The resolvers of an engine, whose core is there when they are asked. */
export const makeResolvers = (core: () => Core): Resolvers =>
  createResolvers({
    networks: () => core().networks,
    settingsOf: (id) => core().table.byId(id)?.view.config.host,
    log: () => core().ctx.log,
  });
