import { readFile } from 'node:fs/promises';
import { messageOf } from '../../../common/errors.ts';
import { gather } from '../../../common/gather.ts';
import type { ForgetConnections } from './stale-connections.ts';
import type { State } from './state.ts';
import type { Endpoint } from './types.ts';

const COUNT = '/proc/sys/net/netfilter/nf_conntrack_count';
/** The kernel goes through its whole table for each listing, 10 ms of a processor; containers may end by the hundred in a second. */
const PAUSE_MS = 100;

/**
 * Off everybody's path: resolves when they are gone; what fails is logged, with the first one's ctx. An address that was given out again is left alone:
 * its connections are another's by now.
 */
export const forgettingOf = (stateOf: () => State): ForgetConnections =>
  gather(async (owed) => {
    const [{ ctx }] = owed;
    try {
      if (Number(await readFile(COUNT, 'utf8')) === 0) return;
      const { members, kernel } = stateOf();
      const used = new Set([...members.values()].flatMap((each) => [...each.values()].flatMap(addressesOf)));
      const addresses = owed.flatMap((each) => each.addresses.filter((address) => !used.has(address)));
      const udpPorts = owed.flatMap((each) => each.udpPorts);
      if (addresses.length + udpPorts.length === 0) return;
      const deleted = await kernel.run({ kind: 'forget-connections', addresses, udpPorts });
      ctx.log.debug('Forgot connections', { deleted, addresses: addresses.length });
    } catch (error) {
      ctx.log.warn('Cannot delete tracked connections', { error: messageOf(error) });
    }
  }, PAUSE_MS);

export const addressesOf = ({ ipAddress, ipv6Address }: Endpoint): string[] =>
  [ipAddress, ipv6Address].filter((address) => address !== '');
