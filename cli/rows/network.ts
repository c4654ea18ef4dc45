import type { Row } from '../format/listing.ts';

/** One element of `GET /networks`. */
export interface NetworkSummary {
  readonly Id: string;
  readonly Name: string;
  readonly Driver: string;
  readonly Scope: string;
  readonly Created: string;
  readonly EnableIPv4?: boolean;
  readonly EnableIPv6: boolean;
  readonly Internal: boolean;
  readonly Labels: Readonly<Record<string, string>> | null;
}

export const NETWORK_HEADERS: Row = {
  ID: 'NETWORK ID',
  Name: 'NAME',
  Driver: 'DRIVER',
  Scope: 'SCOPE',
  IPv4: 'IPV4',
  IPv6: 'IPV6',
  Internal: 'INTERNAL',
  Labels: 'LABELS',
  CreatedAt: 'CREATED AT',
};

export const networkRow = (network: NetworkSummary, short: boolean): Row => ({
  CreatedAt: network.Created.replace('T', ' ').replace(/0*Z$/, ' +0000 UTC'),
  Driver: network.Driver,
  ID: short ? network.Id.slice(0, 12) : network.Id,
  IPv4: String(network.EnableIPv4 ?? true),
  IPv6: String(network.EnableIPv6),
  Internal: String(network.Internal),
  Labels: Object.entries(network.Labels ?? {})
    .map(([name, value]) => `${name}=${value}`)
    .sort()
    .join(','),
  Name: network.Name,
  Scope: network.Scope,
});
