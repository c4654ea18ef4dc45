import { isIP, isIPv4 } from 'node:net';
import ipaddr from 'ipaddr.js';
import { invalidArgument } from '../../../common/errors.ts';

/** The lines of a container's /etc/hosts, in docker's order: localhost, `--add-host`, links, itself. Pure. */
export interface HostsRequest {
  readonly ipv6: boolean;
  readonly extraHosts: readonly ExtraHost[];
  /** Its own, of all its networks. */
  readonly addresses: readonly string[];
  /** Of `--link`. */
  readonly links: readonly { readonly address: string; readonly names: readonly string[] }[];
  readonly hostname: string;
  readonly domainname: string;
}

export interface ExtraHost {
  readonly name: string;
  readonly address: string;
}

const IPV4_LINES = ['127.0.0.1\tlocalhost'];
const IPV6_LINES = [
  '::1\tlocalhost ip6-localhost ip6-loopback',
  'fe00::\tip6-localnet',
  'ff00::\tip6-mcastprefix',
  'ff02::1\tip6-allnodes',
  'ff02::2\tip6-allrouters',
];

export function formatHosts(request: HostsRequest): string {
  const extra = request.extraHosts.filter(({ address }) => request.ipv6 || isIPv4(address));
  const lines = [
    ...IPV4_LINES,
    ...(request.ipv6 ? IPV6_LINES : []),
    ...extra.map(({ name, address }) => `${address}\t${name}`),
    ...request.links.map(({ address, names }) => `${address}\t${names.join(' ')}`),
    ...hostsLines(request, request.addresses),
  ];
  return `${lines.join('\n')}\n`;
}

/** A container's own names, for each of its addresses. */
export const hostsLines = (
  names: Pick<HostsRequest, 'hostname' | 'domainname'>,
  addresses: readonly string[],
): string[] => addresses.map((address) => `${address}\t${ownNames(names)}`);

/** The full name, and the first label of it when there is more. */
function ownNames({ hostname, domainname }: Pick<HostsRequest, 'hostname' | 'domainname'>): string {
  const full = domainname === '' ? hostname : `${hostname}.${domainname}`;
  const [label = full] = full.split('.');
  return label === full ? full : `${full} ${label}`;
}

/** `name:address` or `name:host-gateway`. Throws `invalid-argument` with docker's texts. */
export function parseExtraHost(text: string, hostGateway: string | undefined): ExtraHost {
  const colon = text.indexOf(':');
  if (colon <= 0) throw invalidArgument(`bad format for add-host: "${text}"`);
  const name = text.slice(0, colon);
  const address = text.slice(colon + 1);
  if (address === 'host-gateway') {
    if (hostGateway === undefined) throw invalidArgument('unable to derive the IP value for host-gateway');
    return { name, address: hostGateway };
  }
  if (isIP(address) === 0) throw invalidArgument(`invalid IP address in add-host: "${address}"`);
  return { name, address: ipaddr.process(address).toString() };
}
