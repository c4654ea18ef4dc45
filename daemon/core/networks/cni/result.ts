import type { EndpointDns } from '../types.ts';
import type { CniResult } from '../../../../common/cni/contract.ts';
import type { Given } from './contract.ts';

/** What a chain's result says of an endpoint. Pure; lenient, since the plugins are others'. */
export function givenBy(result: CniResult, interfaceName: string): Given {
  const interfaces = objects(result['interfaces']);
  const index = interfaces.findIndex(({ name, sandbox }) => name === interfaceName && text(sandbox) !== '');
  const inside = objects(result['ips']).filter(
    (each) => each['interface'] === undefined || each['interface'] === index,
  );
  const routes = objects(result['routes']);
  const [ipv4, ipv6] = ([4, 6] as const).map((family) => addressOf(inside, routes, family));
  const dns = dnsOf(result['dns']);
  return {
    ipAddress: ipv4?.address ?? '',
    prefixLength: ipv4?.prefixLength ?? 0,
    gateway: ipv4?.gateway ?? '',
    ipv6Address: ipv6?.address ?? '',
    ipv6PrefixLength: ipv6?.prefixLength ?? 0,
    ipv6Gateway: ipv6?.gateway ?? '',
    macAddress: text(interfaces[index]?.['mac']).toLowerCase(),
    defaultRoutes: ([4, 6] as const).filter((family) => defaultRoute(routes, family) !== undefined),
    ...(dns === undefined ? {} : { dns }),
  };
}

/** The first device of the host, which is the bridge where there is one. */
export const hostLinkIn = (result: CniResult): string | undefined =>
  objects(result['interfaces'])
    .filter(({ sandbox }) => text(sandbox) === '')
    .map(({ name }) => text(name))
    .find((name) => name !== '');

type Json = Readonly<Record<string, unknown>>;

const objects = (value: unknown): readonly Json[] =>
  Array.isArray(value)
    ? value.filter((each): each is Json => typeof each === 'object' && each !== null && !Array.isArray(each))
    : [];
const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const texts = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((each): each is string => typeof each === 'string' && each !== '') : [];

const familyOf = (address: string): 4 | 6 => (address.includes(':') ? 6 : 4);

/** The first of a family. */
function addressOf(ips: readonly Json[], routes: readonly Json[], family: 4 | 6) {
  const found = ips.find(
    (each) => text(each['address']) !== '' && familyOf(text(each['address'])) === family,
  );
  if (found === undefined) return undefined;
  const [address = '', prefix = family === 4 ? '32' : '128'] = text(found['address']).split('/');
  const gateway = text(found['gateway']) || text(defaultRoute(routes, family)?.['gw']);
  return { address, prefixLength: Number(prefix), gateway };
}

const defaultRoute = (routes: readonly Json[], family: 4 | 6): Json | undefined =>
  routes.find(({ dst }) => /^(0\.0\.0\.0|::)\/0$/.test(text(dst)) && familyOf(text(dst)) === family);

/** The domain is looked up first, as resolv.conf's `domain` would have it. */
function dnsOf(value: unknown): EndpointDns | undefined {
  const [dns = {}] = objects([value]);
  const domain = texts([dns['domain']]);
  const search = [...new Set([...domain, ...texts(dns['search'])])];
  const [nameservers, options] = [texts(dns['nameservers']), texts(dns['options'])];
  return nameservers.length + search.length + options.length === 0
    ? undefined
    : { nameservers, search, options };
}
