import type { Ctx } from '../../../common/ctx.ts';
import { connectNetlink } from '../../../native/netlink/connection.ts';
import {
  deleteConnection,
  dumpConnections,
  parseConnection,
  type TrackedConnection,
} from '../../../native/netlink/conntrack.ts';
import { bytesOf, parseAddress } from './subnet.ts';

/** Connections that must not outlive an endpoint, or that began before a port was published. */
export interface StaleConnections {
  /** Of endpoints that are gone: from and to them. */
  readonly addresses: readonly string[];
  /** Udp ports that are published now: what was sent to the host itself goes on to the host, for as long as somebody sends. */
  readonly udpPorts: readonly number[];
}

export type ForgetConnections = (owed: StaleConnections & { readonly ctx: Ctx }) => Promise<void>;

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
  const action = 'list tracked connections';
  for (const found of netfilter.dump({ action, message: dumpConnections() })) {
    const connection = parseConnection(found);
    if (connection === undefined || !isStale(connection)) continue;
    const request = { action: 'delete a tracked connection', message: deleteConnection(connection) };
    if (netfilter.execute({ ...request, ignore: ['ENOENT'] })) deleted += 1;
  }
  return deleted;
}
