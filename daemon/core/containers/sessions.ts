import type { ShimHooks } from '../../../shim/contract.ts';
import type { Core } from '../core.ts';
import { announce } from './announce.ts';

/** What a container's shim tells of its clients and its log. */
export function detachHooks(core: Core, id: string): Pick<ShimHooks, 'onDetach' | 'onLogError'> {
  return {
    onDetach: (_client, reason) => {
      const entry = core.table.byId(id);
      if (reason === 'keys' && entry !== undefined) announce(core, entry, { action: 'detach' });
    },
    onLogError: (errno, lostBytes) => {
      const fields = { container: id, errno, lostBytes: Number(lostBytes) };
      if (errno === undefined) core.ctx.log.info('The log of a container is written again', fields);
      else core.ctx.log.error('The log of a container cannot be written', fields);
    },
  };
}
