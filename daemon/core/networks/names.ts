import type { NamedAddress } from './contract.ts';
import type { Endpoint } from './types.ts';

/** Who is called what in the networks of one container. Pure: reads what it is given. */
export interface NameScope {
  /** Of the container that asks, eth0 first. */
  readonly own: readonly Endpoint[];
  /** Everybody in a network. */
  readonly membersOf: (networkId: string) => Iterable<Endpoint>;
}

/** See Networks.lookUp. */
export function lookUp({ own, membersOf }: NameScope, asked: string): readonly NamedAddress[] {
  const name = asked.toLowerCase();
  for (const { networkId, networkName, settings } of own) {
    const suffix = `.${networkName.toLowerCase()}`;
    const short = name.endsWith(suffix) ? name.slice(0, -suffix.length) : undefined;
    const linked = settings.links
      .map(splitLink)
      .find(({ alias }) => alias.toLowerCase() === name)
      ?.target.toLowerCase();
    const wanted = [linked ?? name, ...(short === undefined ? [] : [short])];
    for (const each of wanted) {
      const found = [...membersOf(networkId)].filter(
        ({ dnsNames, containerId }) =>
          dnsNames.some((known) => known.toLowerCase() === each) ||
          (linked !== undefined && containerId.startsWith(each)),
      );
      if (found.length > 0) return found.map(addressOf);
    }
  }
  return [];
}

const addressOf = ({ networkId, containerId, ipAddress, ipv6Address }: Endpoint): NamedAddress => ({
  networkId,
  containerId,
  ipAddress,
  ipv6Address,
});

/** See Networks.lookUpAddress. */
export function lookUpAddress({ own, membersOf }: NameScope, address: string): string | undefined {
  for (const { networkId, networkName } of own) {
    for (const { ipAddress, ipv6Address, dnsNames } of membersOf(networkId)) {
      const [name] = dnsNames;
      if (name !== undefined && (ipAddress === address || ipv6Address === address))
        return `${name}.${networkName}`;
    }
  }
  return undefined;
}

/** `container:alias`, or one word that is both. */
export function splitLink(link: string): { readonly target: string; readonly alias: string } {
  const [target = '', alias = target] = link.split(':');
  return { target: target.replace(/^\//, ''), alias };
}
