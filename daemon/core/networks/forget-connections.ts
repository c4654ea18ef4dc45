import { readFile } from 'node:fs/promises';
import type { Ctx } from '../../../common/ctx.ts';
import { messageOf } from '../../../common/errors.ts';
import type { StaleConnections } from './stale-connections.ts';
import type { State } from './state.ts';
import type { Endpoint } from './types.ts';

const COUNT = '/proc/sys/net/netfilter/nf_conntrack_count';

/**
 * Off everybody's path: resolves when they are gone; what fails is logged. An address that was given out again is left alone:
 * its connections are another's by now.
 */
export async function forgetConnections(ctx: Ctx, state: State, stale: StaleConnections): Promise<void> {
  try {
    if (Number(await readFile(COUNT, 'utf8')) === 0) return;
    const used = new Set(
      [...state.members.values()].flatMap((members) => [...members.values()].flatMap(addressesOf)),
    );
    const addresses = stale.addresses.filter((address) => !used.has(address));
    if (addresses.length + stale.udpPorts.length === 0) return;
    const deleted = await state.kernel.run({ kind: 'forget-connections', ...stale, addresses });
    ctx.log.debug('Forgot connections', { deleted, addresses: addresses.length });
  } catch (error) {
    ctx.log.warn('Cannot delete tracked connections', { error: messageOf(error) });
  }
}

export const addressesOf = ({ ipAddress, ipv6Address }: Endpoint): string[] =>
  [ipAddress, ipv6Address].filter((address) => address !== '');
