import { invalidArgument } from '../../../common/errors.ts';
import { GATEWAY_MODES, type GatewayMode } from './contract.ts';
import { CNI_NETWORK_OPTIONS } from './cni/options.ts';
import type { NetworkDriver } from './types.ts';

/** Docker's option names of `--opt`, read and checked. Pure. */
export interface NetworkOptions {
  /** Undefined: `br-` and 12 digits of the id. */
  readonly bridgeName: string | undefined;
  readonly icc: boolean;
  readonly masquerade4: boolean;
  readonly masquerade6: boolean;
  readonly hostBinding: string | undefined;
  /** Whether the bridge goes without an IPv4 address and containers without a gateway of ours. */
  readonly inhibitIPv4: boolean;
  readonly gatewayMode4: GatewayMode;
  readonly gatewayMode6: GatewayMode;
  /** Undefined: the daemon's. */
  readonly mtu: number | undefined;
  /** `eth` unless given. */
  readonly interfacePrefix: string;
  /** Of macvlan and ipvlan. */
  readonly parent: string | undefined;
  readonly mode: string;
}

const BRIDGE = 'com.docker.network.bridge.';
const MTU = 'com.docker.network.driver.mtu';
const PREFIX = 'com.docker.network.container_iface_prefix';

const KNOWN: Readonly<Record<NetworkDriver, readonly string[]>> = {
  bridge: [
    ...[
      'name',
      'enable_icc',
      'enable_ip_masquerade',
      'host_binding_ipv4',
      'inhibit_ipv4',
      'gateway_mode_ipv4',
      'gateway_mode_ipv6',
      'default_bridge',
      'container_iface_prefix',
    ].map((name) => `${BRIDGE}${name}`),
    'com.docker.network.host_ipv4',
    'com.docker.network.enable_ipv4',
    'com.docker.network.enable_ipv6',
    MTU,
    PREFIX,
  ],
  macvlan: ['parent', 'macvlan_mode', MTU, PREFIX],
  ipvlan: ['parent', 'ipvlan_mode', 'ipvlan_flag', MTU, PREFIX],
  cni: [...CNI_NETWORK_OPTIONS, PREFIX],
  host: [],
  null: [],
};

/** Throws `invalid-argument` that names the option and its value. */
export function parseOptions(
  driver: NetworkDriver,
  options: Readonly<Record<string, string>>,
): NetworkOptions {
  const unknown = Object.keys(options).find((name) => !KNOWN[driver].includes(name));
  if (unknown !== undefined) {
    throw invalidArgument(`unknown option "${unknown}" for the network driver "${driver}"`);
  }
  const text = (name: string): string | undefined => options[name] || undefined;
  const flag = (name: string, byDefault: boolean): boolean => truth(name, text(name)) ?? byDefault;
  const mode = (name: string): GatewayMode => gatewayMode(name, text(name) ?? 'nat');
  const masquerade = flag(`${BRIDGE}enable_ip_masquerade`, true);
  const gatewayMode4 = mode(`${BRIDGE}gateway_mode_ipv4`);
  const gatewayMode6 = mode(`${BRIDGE}gateway_mode_ipv6`);
  const isNat = (each: GatewayMode): boolean => each === 'nat' || each === 'nat-unprotected';
  if (options['ipvlan_flag'] !== undefined && options['ipvlan_flag'] !== 'bridge') {
    throw invalidArgument(
      `the option "ipvlan_flag" is "${options['ipvlan_flag']}": only "bridge" is supported`,
    );
  }
  return {
    bridgeName: interfaceName(text(`${BRIDGE}name`)),
    icc: flag(`${BRIDGE}enable_icc`, true),
    masquerade4: masquerade && isNat(gatewayMode4),
    masquerade6: masquerade && isNat(gatewayMode6),
    hostBinding: text(`${BRIDGE}host_binding_ipv4`),
    inhibitIPv4: flag(`${BRIDGE}inhibit_ipv4`, false),
    gatewayMode4,
    gatewayMode6,
    mtu: mtuOf(text(MTU)),
    interfacePrefix: text(PREFIX) ?? text(`${BRIDGE}container_iface_prefix`) ?? 'eth',
    parent: text('parent'),
    mode: text('macvlan_mode') ?? text('ipvlan_mode') ?? (driver === 'ipvlan' ? 'l2' : 'bridge'),
  };
}

/** Go's strconv.ParseBool. */
function truth(name: string, value: string | undefined): boolean | undefined {
  if (value === undefined) return undefined;
  if (/^(1|t|true)$/i.test(value)) return true;
  if (/^(0|f|false)$/i.test(value)) return false;
  throw invalidArgument(`failed to parse ${name} value: "${value}": invalid syntax`);
}

function mtuOf(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const mtu = /^\d+$/.test(value) ? Number(value) : Number.NaN;
  if (mtu === 0) return undefined;
  if (!(mtu <= 0x7fff_ffff)) throw invalidArgument(`invalid MTU value: ${value}`);
  return mtu;
}

function gatewayMode(name: string, value: string): GatewayMode {
  const mode = GATEWAY_MODES.find((each) => each === value);
  if (mode === undefined) throw invalidArgument(`unknown gateway mode ${value} for option ${name}`);
  return mode;
}

const IFNAMSIZ = 16;

function interfaceName(name: string | undefined): string | undefined {
  if (name === undefined) return undefined;
  if (Buffer.byteLength(name) >= IFNAMSIZ || /[\s/:]/.test(name) || name === '.' || name === '..') {
    throw invalidArgument(`invalid interface name "${name}"`);
  }
  return name;
}
