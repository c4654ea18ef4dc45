import { isIPv6 } from 'node:net';
import { DEFAULT_NAMESERVERS, withOverrides, type ResolvConf, type ResolvOverrides } from './resolv-conf.ts';

/** Whom the DNS server of a container asks for what is not in its networks. Pure. */
export interface Outside {
  /** In this order. */
  readonly servers: readonly ExternalServer[];
  /** `ndots` was chosen, so the client looks for a name of one word in its search domains: it is never asked for outside. */
  readonly keepsWords: boolean;
}

export interface ExternalServer {
  readonly address: string;
  /** Asked from the host's network namespace: the container can't reach it. */
  readonly fromHost: boolean;
}

export const RESOLVER_ADDRESS = '127.0.0.11';

export const isLoopback = (address: string): boolean => address.startsWith('127.') || address === '::1';

/**
 * Servers that the client or the daemon's configuration names are asked from the container. Of the host's own, the host itself asks
 * those that the container can't reach: on its loopback, and by IPv6 where the container has none.
 */
export function outsideOf(host: ResolvConf, overrides: ResolvOverrides, hasIPv6: boolean): Outside {
  const { options } = withOverrides(host, overrides);
  return { servers: serversOf(host, overrides, hasIPv6), keepsWords: Number(ndotsOf(options) ?? 0) > 0 };
}

function serversOf(
  { nameservers }: ResolvConf,
  overrides: ResolvOverrides,
  hasIPv6: boolean,
): ExternalServer[] {
  if (overrides.nameservers.length > 0)
    return overrides.nameservers
      .filter((address) => address !== RESOLVER_ADDRESS)
      .map((address) => ({ address, fromHost: false }));
  if (nameservers.length === 0) return DEFAULT_NAMESERVERS.map((address) => ({ address, fromHost: false }));
  return nameservers.map((address) => ({
    address,
    fromHost: isLoopback(address) || (isIPv6(address) && !hasIPv6),
  }));
}

/** The last one counts; what is no number does not. */
const ndotsOf = (options: readonly string[]): string | undefined =>
  options
    .map((option) => /^ndots:(\d+)$/.exec(option)?.[1])
    .filter((value) => value !== undefined)
    .at(-1);

/** resolv.conf for a container that asks its own DNS server, with docker's comments on where the rest came from. */
export function formatInternal(
  host: ResolvConf,
  overrides: ResolvOverrides,
  servers: Outside['servers'],
): string {
  const { search, options: wanted, rest } = withOverrides(host, overrides);
  const options = wanted.filter((option) => !/^ndots(:|$)/.test(option) || /^ndots:\d+$/.test(option));
  const from =
    ndotsOf(options) === undefined ? 'internal' : overrides.options.length > 0 ? 'override' : 'host';
  if (from === 'internal') options.push('ndots:0');
  const overridden = (['nameservers', 'search', 'options'] as const).filter(
    (name) => overrides[name].length > 0,
  );
  const isDefault = overrides.nameservers.length === 0 && host.nameservers.length === 0;
  const lines = [
    '# Made by Wherry.',
    '',
    `nameserver ${RESOLVER_ADDRESS}`,
    ...(search.length > 0 ? [`search ${search.join(' ')}`] : []),
    `options ${options.join(' ')}`,
    ...rest,
    '',
    "# Based on host file: '/etc/resolv.conf' (internal resolver)",
    ...(isDefault ? ['# Used default nameservers.'] : []),
    ...(servers.length > 0 ? [`# ExtServers: [${servers.map(serverText).join(' ')}]`] : []),
    `# Overrides: [${overridden.join(' ')}]`,
    `# Option ndots from: ${from}`,
  ];
  return `${lines.join('\n')}\n`;
}

const serverText = ({ address, fromHost }: ExternalServer): string =>
  fromHost ? `host(${address})` : address;
