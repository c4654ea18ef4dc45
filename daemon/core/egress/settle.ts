import { invalidArgument } from '../../../common/errors.ts';
import type { HostOptions } from '../create-request.ts';
import type { Networks } from '../networks/contract.ts';
import { EGRESS_LABEL, type Egress } from './contract.ts';
import { parseEgress } from './parse.ts';

interface Config {
  readonly labels: Readonly<Record<string, string>>;
  readonly host: HostOptions;
  /** By name. */
  readonly networks: Readonly<Record<string, unknown>>;
}

/** A container's list; undefined: it may reach whatever there is. Throws `invalid-argument` for one that can't be read. */
export const egressOf = ({ labels }: Pick<Config, 'labels'>): Egress | undefined =>
  parseEgress(labels[EGRESS_LABEL]);

const RAW = 'CAP_NET_RAW';
const isRaw = (name: string): boolean => [RAW, 'NET_RAW'].includes(name.toUpperCase());

/**
 * The options of a new container: with an egress list it has no raw sockets. Throws `invalid-argument` for a list that can't be read,
 * and for what it can't be enforced with.
 */
export function settleEgress(networks: Pick<Networks, 'checkConfinable'>, config: Config): HostOptions {
  const { host } = config;
  if (egressOf(config) === undefined) return host;
  const { privileged, networkMode, capAdd, capDrop, raw } = host;
  if (privileged) throw unfit('a privileged container');
  if (networkMode === 'host') throw unfit("the host's own network");
  if (networkMode.startsWith('container:'))
    throw unfit('a network that is joined: the list belongs to the container that has it');
  if (capAdd.some(isRaw)) throw unfit(`the capability ${RAW}`);
  networks.checkConfinable(Object.keys(config.networks));
  if (capDrop.some((name) => isRaw(name) || name.toUpperCase() === 'ALL')) return host;
  const dropped = [...capDrop, RAW];
  return { ...host, capDrop: dropped, raw: { ...raw, CapDrop: dropped } };
}

const unfit = (what: string): Error =>
  invalidArgument(`conflicting options: ${EGRESS_LABEL} can't be enforced with ${what}`);

/** What a client may expect of a list and does not get. */
export function egressWarnings(config: Config): string[] {
  const { host, networks } = config;
  const asks = egressOf(config)?.dns === true;
  return asks && host.networkMode === 'bridge' && Object.keys(networks).every((name) => name === 'bridge')
    ? [`${EGRESS_LABEL}: "dns" has no effect on the default bridge, which has no DNS server of its own`]
    : [];
}
