import { parseCidr, sizeOf, type Family } from '../networks/subnet.ts';
import type { EgressProtocol, EgressRule } from './contract.ts';

/** A range of addresses, of protocols and of ports: what one element of the kernel's set of ranges holds. */
export interface Box {
  readonly addresses: Range<bigint>;
  readonly protocols: Range<number>;
  readonly ports: Range<number>;
}

export interface Range<T> {
  readonly first: T;
  readonly last: T;
}

const ALL_PROTOCOLS = { first: 0, last: 255 };
const ALL_PORTS = { first: 0, last: 65_535 };
const NUMBERS: Readonly<Record<Family, Readonly<Record<Exclude<EgressProtocol, 'any'>, number>>>> = {
  4: { tcp: 6, udp: 17, sctp: 132, icmp: 1 },
  6: { tcp: 6, udp: 17, sctp: 132, icmp: 58 },
};

/** The rules of one family as boxes that don't overlap, which the kernel would refuse. Pure. */
export function boxesOf(rules: readonly EgressRule[], family: Family): Box[] {
  const placed = rules.flatMap((rule) => {
    const { subnet } = parseCidr(rule.network);
    const last = subnet.network + sizeOf(subnet) - 1n;
    return subnet.family === family ? [{ ...rule, from: subnet.network, to: last }] : [];
  });
  const starts = [...new Set(placed.flatMap(({ from, to }) => [from, to + 1n]))].sort((a, b) =>
    a < b ? -1 : a > b ? 1 : 0,
  );
  return starts.slice(0, -1).flatMap((first, index) => {
    const addresses = { first, last: (starts[index + 1] ?? first) - 1n };
    const here = placed.filter(({ from, to }) => from <= first && to >= addresses.last);
    return servicesOf(here, family).map((service) => ({ addresses, ...service }));
  });
}

function servicesOf(rules: readonly EgressRule[], family: Family): Omit<Box, 'addresses'>[] {
  if (rules.some(({ protocol }) => protocol === 'any'))
    return [{ protocols: ALL_PROTOCOLS, ports: ALL_PORTS }];
  const byProtocol = Map.groupBy(rules, ({ protocol }) => protocol);
  return [...byProtocol].flatMap(([protocol, same]) => {
    if (protocol === 'any') return [];
    const number = NUMBERS[family][protocol];
    return merged(same).map((ports) => ({ protocols: { first: number, last: number }, ports }));
  });
}

function merged(ranges: readonly Range<number>[]): Range<number>[] {
  const result: Range<number>[] = [];
  for (const { first, last } of ranges.toSorted((a, b) => a.first - b.first)) {
    const before = result.at(-1);
    if (before !== undefined && first <= before.last + 1)
      result[result.length - 1] = { first: before.first, last: Math.max(before.last, last) };
    else result.push({ first, last });
  }
  return result;
}
