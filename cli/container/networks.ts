import { invalidArgument } from '../../common/errors.ts';
import type { Values } from '../../common/flags/flag.ts';
import { splitPair } from './environment.ts';
import type { CreateFlags } from './flags.ts';
import { splitCsv } from './mounts.ts';

/** What docker's EndpointSettings has that a client sets. */
interface Endpoint {
  IPAMConfig?: { IPv4Address?: string; IPv6Address?: string; LinkLocalIPs?: string[] };
  Links?: readonly string[];
  Aliases?: string[];
  MacAddress?: string;
  DriverOpts?: Record<string, string>;
  GwPriority?: number;
}

export interface NetworkParts {
  readonly mode: string;
  readonly links: readonly string[];
  readonly endpoints: Readonly<Record<string, Endpoint>>;
}

/**
 * `--network` in both forms, many times, and the flags that speak of the first of them. Throws with docker's texts for what
 * contradicts itself.
 */
export function readNetworks(flags: Values<CreateFlags>): NetworkParts {
  const given = flags.network.map(parseNetwork);
  const [first = { name: 'default', endpoint: {} }, ...more] = given;
  const seen = new Set<string>();
  for (const { name } of given) {
    if (seen.has(name)) throw invalidArgument(`network ${JSON.stringify(name)} is specified multiple times`);
    seen.add(name);
  }
  if (more.length > 0 && given.some(({ name }) => !isUserDefined(name) && name !== 'bridge')) {
    throw invalidArgument(
      'conflicting options: cannot attach both user-defined and non-user-defined network-modes',
    );
  }
  const own = withFlags(first.endpoint, flags, isUserDefined(first.name));
  const endpoints = [{ name: first.name, endpoint: own }, ...more].filter(
    ({ endpoint }, index) => index > 0 || Object.keys(endpoint).length > 0,
  );
  return {
    mode: first.name,
    links: isUserDefined(first.name) ? [] : flags.link,
    endpoints: Object.fromEntries(endpoints.map(({ name, endpoint }) => [name, endpoint])),
  };
}

const isUserDefined = (mode: string): boolean =>
  !['', 'default', 'bridge', 'host', 'none'].includes(mode) && !mode.startsWith('container:');

function withFlags(endpoint: Endpoint, flags: Values<CreateFlags>, userDefined: boolean): Endpoint {
  const twice = (what: string): Error =>
    invalidArgument(
      `conflicting options: cannot specify both --${what} and per-network ${what === 'network-alias' ? 'alias' : what === 'ip6' ? 'IPv6 address' : what === 'ip' ? 'IPv4 address' : what}`,
    );
  if (flags['network-alias'].length > 0 && endpoint.Aliases !== undefined) throw twice('network-alias');
  if (flags.ip !== '' && endpoint.IPAMConfig?.IPv4Address !== undefined) throw twice('ip');
  if (flags.ip6 !== '' && endpoint.IPAMConfig?.IPv6Address !== undefined) throw twice('ip6');
  if (flags['mac-address'] !== '' && endpoint.MacAddress !== undefined) throw twice('mac-address');
  const ipam = {
    ...endpoint.IPAMConfig,
    ...(flags.ip === '' ? {} : { IPv4Address: flags.ip }),
    ...(flags.ip6 === '' ? {} : { IPv6Address: flags.ip6 }),
    ...(flags['link-local-ip'].length === 0 ? {} : { LinkLocalIPs: [...flags['link-local-ip']] }),
  };
  return {
    ...endpoint,
    ...(Object.keys(ipam).length === 0 ? {} : { IPAMConfig: ipam }),
    ...(flags['network-alias'].length === 0 ? {} : { Aliases: [...flags['network-alias']] }),
    ...(flags['mac-address'] === '' ? {} : { MacAddress: flags['mac-address'] }),
    ...(userDefined && flags.link.length > 0 ? { Links: flags.link } : {}),
  };
}

/** `front`, or `name=front,alias=web,ip=10.0.0.7,...`. */
function parseNetwork(text: string): { readonly name: string; readonly endpoint: Endpoint } {
  if (!text.includes('=')) return { name: text, endpoint: {} };
  let name = '';
  const endpoint: Endpoint = {};
  for (const field of splitCsv(text)) {
    const at = field.indexOf('=');
    if (at === -1) throw invalidArgument(`invalid field ${field}`);
    const key = field.slice(0, at).trim().toLowerCase();
    const value = field.slice(at + 1).trim();
    if (key === 'name') name = value;
    else setField(endpoint, key, value);
  }
  if (name === '') throw invalidArgument('network name must be specified');
  return { name, endpoint };
}

function setField(endpoint: Endpoint, key: string, value: string): void {
  switch (key) {
    case 'alias':
      endpoint.Aliases = [...(endpoint.Aliases ?? []), value.toLowerCase()];
      return;
    case 'ip':
      endpoint.IPAMConfig = { ...endpoint.IPAMConfig, IPv4Address: value };
      return;
    case 'ip6':
      endpoint.IPAMConfig = { ...endpoint.IPAMConfig, IPv6Address: value };
      return;
    case 'link-local-ip':
      endpoint.IPAMConfig = {
        ...endpoint.IPAMConfig,
        LinkLocalIPs: [...(endpoint.IPAMConfig?.LinkLocalIPs ?? []), value],
      };
      return;
    case 'mac-address':
      endpoint.MacAddress = value;
      return;
    case 'driver-opt': {
      // Docker's client writes all of it in small letters.
      const [name, option] = splitPair(value.toLowerCase());
      endpoint.DriverOpts = { ...endpoint.DriverOpts, [name]: option };
      return;
    }
    case 'gw-priority':
      if (!/^-?\d+$/.test(value)) throw invalidArgument(`invalid gw-priority (${value})`);
      endpoint.GwPriority = Number(value);
      return;
  }
  throw invalidArgument(`invalid field key ${key}`);
}
