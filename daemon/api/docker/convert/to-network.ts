import { invalidArgument, notFound, notImplemented, WherryError } from '../../../../common/errors.ts';
import type { NetworkRequest } from '../../../core/networks/contract.ts';
import type { NetworkDriver } from '../../../core/networks/types.ts';
import type { NetworkCreateBody } from '../wire/network.ts';

const DRIVERS: readonly NetworkDriver[] = ['bridge', 'host', 'null', 'macvlan', 'ipvlan', 'cni'];
const ENABLE_IPV4 = 'com.docker.network.enable_ipv4';
const ENABLE_IPV6 = 'com.docker.network.enable_ipv6';

/** The domain's request. Throws in docker's words, and `not-implemented` for what belongs to swarm. */
export function toNetworkRequest(body: NetworkCreateBody): NetworkRequest {
  refuse(body);
  const options = body.Options ?? {};
  const configFrom = body.ConfigFrom?.Network ?? '';
  return {
    name: body.Name ?? '',
    driver: driverOf(body.Driver || 'bridge'),
    enableIPv4: body.EnableIPv4 ?? options[ENABLE_IPV4] !== 'false',
    enableIPv6: body.EnableIPv6 ?? options[ENABLE_IPV6] === 'true',
    internal: body.Internal ?? false,
    attachable: body.Attachable ?? false,
    ipam: (body.IPAM?.Config ?? []).map((config) => ({
      subnet: config.Subnet || undefined,
      ipRange: config.IPRange || undefined,
      gateway: config.Gateway || undefined,
      auxAddresses: config.AuxiliaryAddresses ?? {},
    })),
    ipamOptions: body.IPAM?.Options,
    options,
    labels: body.Labels ?? {},
    configOnly: body.ConfigOnly ?? false,
    ...(configFrom === '' ? {} : { configFrom }),
    namesScope: (body.Scope ?? '') !== '',
  };
}

function refuse(body: NetworkCreateBody): void {
  if (body.Scope === 'swarm' || body.Ingress === true) {
    throw new WherryError(
      'unavailable',
      'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.',
    );
  }
  if (body.Scope !== undefined && !['', 'local'].includes(body.Scope)) {
    throw invalidArgument(`invalid network scope: ${body.Scope}`);
  }
  const ipam = body.IPAM?.Driver ?? '';
  if (ipam !== '' && ipam !== 'default')
    throw notFound(
      `failed to retrieve ipam driver: could not find plugin ${ipam} in v1 plugin registry: plugin not found`,
    );
  const [name, value] = Object.entries(body.IPAM?.Options ?? {})[0] ?? [];
  if (name !== undefined) throw notImplemented(`IPAM.Options "${name}=${value ?? ''}" is not supported yet`);
  if (body.Driver === 'overlay') {
    throw new WherryError(
      'unavailable',
      'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.',
    );
  }
}

function driverOf(name: string): NetworkDriver {
  const driver = DRIVERS.find((each) => each === name);
  if (driver === undefined) {
    throw notFound(`could not find plugin ${name} in v1 plugin registry: plugin not found`);
  }
  return driver;
}
