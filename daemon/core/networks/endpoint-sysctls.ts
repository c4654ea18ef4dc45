import type { Endpoint, EndpointSettings } from './types.ts';

/**
 * Docker's option of an endpoint for values of its interface, which stands as IFNAME in them: `net.ipv4.conf.IFNAME.forwarding=1`, several
 * with commas between. Pure.
 */
export const SYSCTLS = 'com.docker.network.endpoint.sysctls';

/** A value below /proc/sys/net that belongs to one interface. */
export interface Sysctl {
  readonly action: string;
  readonly path: string;
  readonly value: string;
  /** A kernel without the file is as good as one where it has the value. */
  readonly isOptional: boolean;
}

/** In small letters too: docker's command line writes the whole option so. Without dots and slashes a path stays at its interface. */
const ENTRY = /^net\.(ipv4|ipv6|mpls)\.([\w-]+)\.(?:IFNAME|ifname)\.([\w-]+)=([ -~]+)$/;

/** What is wrong with the option, in docker's words. */
export const sysctlProblems = (settings: EndpointSettings): string[] =>
  entriesOf(settings)
    .filter((entry) => !ENTRY.test(entry))
    .map(
      (entry) =>
        `unrecognised network interface sysctl '${entry}'; represent 'net.X.Y.ethN.Z=V' as 'net.X.Y.IFNAME.Z=V', 'X' must be 'ipv4', 'ipv6' or 'mpls'`,
    );

const entriesOf = ({ driverOptions }: EndpointSettings): readonly string[] =>
  driverOptions[SYSCTLS]?.split(',') ?? [];

/** What must stand before the interface has a carrier: the engine's own, then the client's. */
export function sysctlsOf(endpoint: Endpoint): readonly Sysctl[] {
  const { interfaceName: name, settings } = endpoint;
  const own = ipv6Sysctls(endpoint).map(([key, value]) => ({
    action: key === 'disable_ipv6' && value === '1' ? `disable IPv6 on "${name}"` : setting(name, key, value),
    path: `/proc/sys/net/ipv6/conf/${name}/${key}`,
    value,
    isOptional: true,
  }));
  const wanted = entriesOf(settings).map((entry) => {
    const [, family = '', kind = '', key = '', value = ''] = ENTRY.exec(entry) ?? [];
    const path = `/proc/sys/net/${family}/${kind}/${name}/${key}`;
    return { action: setting(name, `${family} ${kind} ${key}`, value), path, value, isOptional: false };
  });
  return [...own, ...wanted];
}

/** The engine's own: whether the interface has IPv6. */
export const isIpv6Switch = ({ path, isOptional }: Sysctl): boolean =>
  isOptional && path.endsWith('/disable_ipv6');

const setting = (name: string, key: string, value: string): string => `set ${key} of "${name}" to ${value}`;

const ipv6Sysctls = ({ ipv6Address, settings }: Endpoint): readonly (readonly [string, string])[] =>
  ipv6Address === '' && !settings.linkLocalIps.some((address) => address.includes(':'))
    ? [['disable_ipv6', '1']]
    : // Addresses and routes are the engine's to give: no neighbour's advertisement is believed.
      [
        ['disable_ipv6', '0'],
        ['accept_ra', '0'],
      ];
