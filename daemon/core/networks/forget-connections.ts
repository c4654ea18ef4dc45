import { readFile } from 'node:fs/promises';
import type { Ctx } from '../../../common/ctx.ts';
import { messageOf } from '../../../common/errors.ts';
import { connectNetlink } from '../../../native/netlink/connection.ts';
import {
  deleteConnection,
  dumpConnections,
  parseConnection,
  type TrackedConnection,
} from '../../../native/netlink/conntrack.ts';
import type { State } from './state.ts';
import { bytesOf, parseAddress } from './subnet.ts';
import type { Endpoint } from './types.ts';

/** Connections that must not outlive an endpoint, or that began before a port was published. */
export interface StaleConnections {
  /** Of endpoints that are gone: from and to them. */
  readonly addresses: readonly string[];
  /** Udp ports that are published now: what was sent to the host itself goes on to the host, for as long as somebody sends. */
  readonly udpPorts: readonly number[];
}

const COUNT = '/proc/sys/net/netfilter/nf_conntrack_count';
const UDP = 17;

/** The job, in the networks' thread: a busy host has a million connections. Returns how many were deleted. */
export function forgetConnectionsNow({ addresses, udpPorts }: StaleConnections): number {
  const gone = new Set(addresses.map((text) => Buffer.from(bytesOf(parseAddress(text))).toString('hex')));
  const ports = new Set(udpPorts);
  const isStale = (each: TrackedConnection): boolean =>
    gone.has(each.source) ||
    gone.has(each.replySource) ||
    (each.protocol === UDP && ports.has(each.destinationPort) && each.replySource === each.destination);
  using netfilter = connectNetlink('netfilter');
  let deleted = 0;
  for (const family of [4, 6] as const) {
    const action = 'list tracked connections';
    for (const found of netfilter.dump({ action, message: dumpConnections(family) })) {
      const connection = parseConnection(found);
      if (connection === undefined || !isStale(connection)) continue;
      const request = { action: 'delete a tracked connection', message: deleteConnection(connection) };
      if (netfilter.execute({ ...request, ignore: ['ENOENT'] })) deleted += 1;
    }
  }
  return deleted;
}

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
