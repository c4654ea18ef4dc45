import { invalidArgument, type WherryError } from '../../../common/errors.ts';
import { newId, shortId } from '../../../common/ids.ts';
import { macOf, type AddressPool } from './address-pool.ts';
import { CNI_ENDPOINT_OPTIONS, parseEndpointOptions } from './cni/options.ts';
import { checkJoinable } from './config-networks.ts';
import type { ContainerNames, PlaceBefore } from './contract.ts';
import { SYSCTLS, sysctlProblems } from './endpoint-sysctls.ts';
import type { Network } from './network.ts';
import { addressText, contains, parseAddress, type Address } from './subnet.ts';
import type { Endpoint, EndpointSettings, NetworkDriver } from './types.ts';

/** Finds a place for a container in a network. Takes from the network's pools; the rows are the caller's. */
export interface PlaceRequest {
  readonly containerId: string;
  readonly network: Network;
  readonly settings: EndpointSettings;
  readonly before?: PlaceBefore | undefined;
  readonly names: ContainerNames;
  /** Taken in the namespace: names of interfaces, and their indexes. */
  readonly beside: readonly Endpoint[];
  readonly hostInterface: string;
  /** The first index of an interface, unless told. */
  readonly firstIndex?: number;
}

const MAC_ADDRESS = /^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/i;
/** Above what the kernel itself puts into a new namespace (fallback devices of up to nine kinds of tunnel). */
const FIRST_INDEX = 16;
const IFNAME = 'com.docker.network.endpoint.ifname';

/** Throws with docker's texts, having taken nothing. */
export function place(request: PlaceRequest): Endpoint {
  const { containerId, network, settings, names, beside } = request;
  const { view } = network;
  checkJoinable(view);
  checkSettings(network, settings);
  const common = {
    containerId,
    networkId: view.id,
    networkName: view.name,
    driver: view.driver,
    endpointId: newId(),
    settings,
    dnsNames: dnsNamesOf(network, { containerId, names, settings }),
  };
  if (view.driver === 'host' || view.driver === 'null') return { ...common, ...NOWHERE };
  const interfaceName = nameOf(network, settings, beside);
  if (view.driver === 'cni') return { ...common, ...NOWHERE, interfaceName };
  const interfaceIndex = indexOf(request);
  const [ipv4, ipv6] = takeBoth(network, request);
  const hasGateway = !view.internal && !network.options.inhibitIPv4;
  const first = ipv4?.address ?? ipv6?.address;
  return {
    ...common,
    interfaceName,
    interfaceIndex,
    macAddress: view.driver === 'ipvlan' ? '' : macAddressOf(settings, first),
    hostInterface: view.driver === 'bridge' ? request.hostInterface : '',
    ipAddress: ipv4 === undefined ? '' : addressText(ipv4.address),
    prefixLength: ipv4?.pool.subnet.prefixLength ?? 0,
    gateway: hasGateway ? gatewayOf(network, ipv4) : '',
    ipv6Address: ipv6 === undefined ? '' : addressText(ipv6.address),
    ipv6PrefixLength: ipv6?.pool.subnet.prefixLength ?? 0,
    ipv6Gateway: hasGateway ? gatewayOf(network, ipv6) : '',
  };
}

const macAddressOf = ({ macAddress }: EndpointSettings, first: Address | undefined): string =>
  macAddress?.toLowerCase().replaceAll('-', ':') ?? (first === undefined ? '' : macOf(first));

const indexOf = ({ beside, firstIndex = FIRST_INDEX }: PlaceRequest): number =>
  Math.max(firstIndex - 1, ...beside.map((each) => each.interfaceIndex)) + 1;

const NOWHERE = {
  interfaceName: '',
  interfaceIndex: 0,
  macAddress: '',
  hostInterface: '',
  ipAddress: '',
  prefixLength: 0,
  gateway: '',
  ipv6Address: '',
  ipv6PrefixLength: 0,
  ipv6Gateway: '',
} as const;

interface Taken {
  readonly address: Address;
  readonly pool: AddressPool;
}

function takeBoth(
  network: Network,
  { settings, before }: Pick<PlaceRequest, 'settings' | 'before'>,
): readonly [Taken | undefined, Taken | undefined] {
  const take = (family: 4 | 6, wanted: string | undefined, had: string | undefined): Taken | undefined =>
    (wanted === undefined ? takeAgain(network, had) : undefined) ?? takeOf(network, family, wanted);
  const ipv4 = take(4, settings.ipv4Address, before?.ipv4Address);
  try {
    return [ipv4, take(6, settings.ipv6Address, before?.ipv6Address)];
  } catch (error) {
    ipv4?.pool.give(ipv4.address);
    throw error;
  }
}

/** Undefined: it is another's by now, or the network has changed. */
function takeAgain({ pools }: Network, had = ''): Taken | undefined {
  const address = parseOrUndefined(had);
  const pool = address && pools.find(({ subnet }) => contains(subnet, address));
  if (address === undefined || pool === undefined) return undefined;
  try {
    pool.takeThis(address);
    return { address, pool };
  } catch {
    return undefined;
  }
}

/** Of the family's first pool that has one; undefined without such a pool. */
function takeOf({ pools }: Network, family: 4 | 6, wanted: string | undefined): Taken | undefined {
  const ours = pools.filter(({ subnet }) => subnet.family === family);
  if (wanted !== undefined) {
    const address = parseAddress(wanted);
    const pool = ours.find(({ subnet }) => contains(subnet, address));
    if (pool === undefined) throw outside(wanted);
    pool.takeThis(address);
    return { address, pool };
  }
  for (const [index, pool] of ours.entries()) {
    try {
      return { address: pool.take(), pool };
    } catch (error) {
      if (index === ours.length - 1) throw error;
    }
  }
  return undefined;
}

const outside = (address: string): WherryError =>
  invalidArgument(
    `invalid endpoint settings:\nno configured subnet or ip-range contain the IP address ${address}`,
  );

function gatewayOf({ view }: Network, taken: Taken | undefined): string {
  if (taken === undefined) return '';
  const config = view.ipam.find(
    ({ subnet }) =>
      subnet?.includes(':') === (taken.pool.subnet.family === 6) &&
      contains(taken.pool.subnet, parseAddress(subnet.split('/')[0] ?? '')),
  );
  return config?.gateway ?? '';
}

/** `eth0`, `eth1`: the first number that is free; or the one that the client chose. */
function nameOf(
  { options }: Network,
  { driverOptions }: EndpointSettings,
  beside: readonly Endpoint[],
): string {
  const taken = new Set(beside.map(({ interfaceName }) => interfaceName));
  const own = driverOptions[IFNAME];
  if (own !== undefined) {
    if (taken.has(own) || Buffer.byteLength(own) > 15)
      throw invalidArgument(`invalid interface name "${own}"`);
    return own;
  }
  for (let number = 0; ; number += 1) {
    const name = `${options.interfacePrefix}${number}`;
    if (!taken.has(name)) return name;
  }
}

export function dnsNamesOf(
  { isDefaultBridge, view }: Network,
  { containerId, names, settings }: Pick<PlaceRequest, 'containerId' | 'names' | 'settings'>,
): string[] {
  if (isDefaultBridge || view.driver === 'host' || view.driver === 'null') return [];
  const all = [names.name, ...settings.aliases, shortId(containerId), names.hostname];
  return [...new Set(all.filter((name) => name !== ''))];
}

/** What docker refuses of settings, in its words. */
export function checkSettings({ view, isDefaultBridge, pools }: Network, settings: EndpointSettings): void {
  const errors = linkLocalProblems(view.driver, settings);
  const hasAddress = settings.ipv4Address !== undefined || settings.ipv6Address !== undefined;
  const userDefined = !isDefaultBridge && hasInterface(view.driver);
  if (hasAddress && !userDefined) {
    errors.push('user specified IP address is supported on user defined networks only');
  }
  if (settings.aliases.length > 0 && !userDefined) {
    errors.push('network-scoped aliases are only supported for user-defined networks');
  }
  for (const [address, family] of [
    [settings.ipv4Address, 4],
    [settings.ipv6Address, 6],
  ] as const) {
    if (address === undefined || !userDefined) continue;
    if (parseOrUndefined(address)?.family !== family) errors.push(`invalid IPv${family} address: ${address}`);
    else if (view.driver !== 'cni' && !pools.some(({ subnet }) => contains(subnet, parseAddress(address))))
      errors.push(`no configured subnet or ip-range contain the IP address ${address}`);
  }
  errors.push(...sysctlProblems(settings));
  if (errors.length > 0) throw invalidArgument(`invalid endpoint settings:\n${errors.join('\n')}`);
  if (settings.macAddress !== undefined && !MAC_ADDRESS.test(settings.macAddress)) {
    throw invalidArgument(`invalid MAC address "${settings.macAddress}"`);
  }
  checkDriverOptions(view.driver, settings);
}

const linkLocalProblems = (driver: NetworkDriver, { linkLocalIps }: EndpointSettings): string[] =>
  linkLocalIps.flatMap((address) => {
    if (driver === 'cni') return [`the cni driver gives no link-local address (${address})`];
    return parseOrUndefined(address) === undefined ? [`invalid link-local IP address: ${address}`] : [];
  });

const hasInterface = (driver: NetworkDriver): boolean => driver !== 'host' && driver !== 'null';

function checkDriverOptions(driver: NetworkDriver, { driverOptions }: EndpointSettings): void {
  if (driver === 'cni') parseEndpointOptions(driverOptions);
  const known = [
    IFNAME,
    ...(driver === 'cni' ? CNI_ENDPOINT_OPTIONS : hasInterface(driver) ? [SYSCTLS] : []),
  ];
  const unknown = Object.keys(driverOptions).find((name) => !known.includes(name));
  if (unknown !== undefined) throw invalidArgument(`unknown option "${unknown}" for an endpoint`);
}

function parseOrUndefined(text: string): Address | undefined {
  try {
    return parseAddress(text);
  } catch {
    return undefined;
  }
}
