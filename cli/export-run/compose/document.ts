import { stringify } from 'yaml';
import { codeOf } from '../../../common/errors.ts';
import type { Daemon } from '../../http/daemon.ts';
import { type Fields, type Made, mapOf, objectsOf, textOf } from '../facts.ts';
import { ownLabels, withoutEmpty } from './fields.ts';
import { serviceOf } from './service.ts';

/** A compose file for containers, and what it can't say. */
export interface ComposeFile {
  readonly text: string;
  readonly notes: readonly string[];
}

/** Asks the daemon for the networks and volumes of the containers. */
export async function composeFile(daemon: Daemon, containers: readonly Made[]): Promise<ComposeFile> {
  const names = new Map(containers.map((made) => [made.Name.slice(1), serviceName(made)]));
  for (const made of containers) names.set(made.Id, serviceName(made));
  const services = containers.map((made) => serviceOf(made, names));
  const networks = await Promise.all(
    [...new Set(services.flatMap((each) => each.networks))].map((name) => networkOf(daemon, name)),
  );
  const volumes = await Promise.all(
    [...new Set(services.flatMap((each) => each.volumes))].map((name) => volumeOf(daemon, name)),
  );
  const document = {
    services: Object.fromEntries(services.map(({ name, service }) => [name, service])),
    ...(networks.length === 0 ? {} : { networks: Object.fromEntries(networks) }),
    ...(volumes.length === 0 ? {} : { volumes: Object.fromEntries(volumes) }),
  };
  return {
    // docker-compose reads YAML 1.1, where 1:2 is a number in base 60.
    text: stringify(escaped(document), { lineWidth: 0, version: '1.1' }),
    notes: services.flatMap(({ name, notes }) => notes.map((note) => `${name}: ${note}`)),
  };
}

/** As compose has called it, if it has made it. */
const serviceName = ({ Name, Config }: Made): string =>
  mapOf(Config, 'Labels')['com.docker.compose.service'] ?? Name.slice(1);

type Named = readonly [name: string, definition: object];

/** By its own name, without a project's before it. */
async function networkOf(daemon: Daemon, name: string): Promise<Named> {
  const network = await fieldsAt(daemon, `/networks/${encodeURIComponent(name)}`);
  if (network === undefined) return [name, { name, external: true }];
  const ipam = (network['IPAM'] ?? {}) as Fields;
  const config = objectsOf(ipam, 'Config').map((each) =>
    withoutEmpty({
      subnet: each['Subnet'],
      ip_range: each['IPRange'],
      gateway: each['Gateway'],
      aux_addresses: each['AuxiliaryAddresses'],
    }),
  );
  return [
    name,
    withoutEmpty({
      name: textOf(network, 'Name'),
      driver: textOf(network, 'Driver'),
      driver_opts: mapOf(network, 'Options'),
      labels: ownLabels(mapOf(network, 'Labels')),
      internal: network['Internal'] === true || undefined,
      attachable: network['Attachable'] === true || undefined,
      enable_ipv6: network['EnableIPv6'] === true || undefined,
      ipam: config.length === 0 ? undefined : { config },
    }),
  ];
}

async function volumeOf(daemon: Daemon, name: string): Promise<Named> {
  const volume = await fieldsAt(daemon, `/volumes/${encodeURIComponent(name)}`);
  if (volume === undefined) return [name, { name }];
  return [
    name,
    withoutEmpty({
      name,
      driver: textOf(volume, 'Driver'),
      driver_opts: mapOf(volume, 'Options'),
      labels: ownLabels(mapOf(volume, 'Labels')),
    }),
  ];
}

async function fieldsAt(daemon: Daemon, path: string): Promise<Fields | undefined> {
  try {
    return JSON.parse(await (await daemon.send({ method: 'GET', path })).text()) as Fields;
  } catch (error) {
    if (codeOf(error) === 'not-found') return undefined;
    throw error;
  }
}

/** A dollar sign begins a variable in a compose file. */
function escaped(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll('$', '$$$$');
  if (Array.isArray(value)) return value.map(escaped);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, escaped(field)]));
}
