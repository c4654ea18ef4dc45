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
    onLogError: (errno, { bytes, told }) => {
      const lostBytes = Number(bytes);
      const entry = core.table.byId(id);
      if (entry !== undefined) core.table.publish(entry, { logLoss: { lostBytes, errno } });
      if (told) return;
      const fields = { container: id, errno, lostBytes };
      const action = errno === undefined ? 'log-resume' : 'log-error';
      const attributes = { lostBytes: String(lostBytes), ...(errno === undefined ? {} : { error: errno }) };
      if (entry !== undefined) announce(core, entry, { action, attributes });
      if (errno === undefined) core.ctx.log.info('The log of a container is written again', fields);
      else core.ctx.log.error('The log of a container cannot be written', fields);
    },
  };
}
