import { conflict, invalidArgument, messageOf } from '../../../common/errors.ts';
import type { Container, CreateRequest } from '../contract.ts';
import type { Core } from '../core.ts';
import { egressOf } from '../egress/settle.ts';
import type { ReserveRequest } from '../networks/contract.ts';
import { NO_SETTINGS, type Sandbox } from '../networks/types.ts';

const CONTAINER = 'container:';

/** The container that a network mode names; undefined for a mode of another kind. */
export const joinedBy = (mode: string): string | undefined =>
  mode.startsWith(CONTAINER) ? mode.slice(CONTAINER.length) : undefined;

/** `default` is the platform's word for `bridge`. */
export const networkOfMode = (mode: string): string => (mode === '' || mode === 'default' ? 'bridge' : mode);

/** Which networks a container joins at its start, eth0 first: the default bridge, the one of its mode, the others by name. */
export function wantedNetworks({
  networks,
  host,
}: Pick<CreateRequest, 'networks' | 'host'>): Extract<ReserveRequest, { kind: 'networks' }>['networks'] {
  const mode = networkOfMode(host.networkMode);
  const names = new Set(['bridge', mode, ...Object.keys(networks).sort()]);
  return [...names]
    .filter((name) => Object.hasOwn(networks, name))
    .map((network) => ({ network, settings: networks[network] ?? NO_SETTINGS }));
}

/** The container's networks as it keeps them: by name, the one of its mode among them. */
export function settleNetworks(
  core: Pick<Core, 'networks'>,
  { networks, host }: Pick<CreateRequest, 'networks' | 'host'>,
): CreateRequest['networks'] {
  if (joinedBy(host.networkMode) !== undefined) return {};
  const mode = networkOfMode(host.networkMode);
  const named = Object.entries(networks).map(
    ([name, settings]) => [nameOf(core, networkOfMode(name)), settings] as const,
  );
  const settled = Object.fromEntries(named);
  const own = nameOf(core, mode);
  return Object.hasOwn(settled, own) ? settled : { [own]: NO_SETTINGS, ...settled };
}

/** A network that is not there is found out at the start. */
function nameOf({ networks }: Pick<Core, 'networks'>, reference: string): string {
  try {
    return networks.get(reference).name;
  } catch {
    return reference;
  }
}

/** Rows from before a container could join several networks name only its mode. */
export function withNetworks(config: Container['config']): Container['config'] {
  const {
    networks,
    host,
  }: { readonly networks?: CreateRequest['networks']; readonly host: CreateRequest['host'] } = config;
  const links: readonly string[] | undefined = host.links;
  if (networks !== undefined && links !== undefined) return config;
  const own = { [networkOfMode(host.networkMode)]: NO_SETTINGS };
  return { ...config, networks: networks ?? own, host: { ...host, links: links ?? [] } };
}

/** The files of the container whose network namespace is joined: names and addresses are its. */
export function donorFiles(
  donor: Container | undefined,
): Partial<Pick<Container, 'hostnamePath' | 'hostsPath' | 'resolvConfPath'>> {
  if (donor === undefined) return {};
  const { hostnamePath, hostsPath, resolvConfPath } = donor;
  return { hostnamePath, hostsPath, resolvConfPath };
}

/** Throws `not-found` `No such container: x`. */
export function networkDonorOf({ table }: Core, mode: string): Container | undefined {
  const joined = joinedBy(mode);
  return joined === undefined ? undefined : table.find(joined).view;
}

/** The mode as a container keeps it: another is named by its id. Throws `not-found` `No such container: x`. */
export function settleMode({ table }: Core, mode: string): string {
  const joined = joinedBy(mode);
  return joined === undefined ? mode : `${CONTAINER}${table.find(joined).id}`;
}

/** What does not go with the network mode, in docker's words. */
export function checkNetworkMode(request: CreateRequest): void {
  const { host, hostname, networks, exposedPorts } = request;
  const joined = joinedBy(host.networkMode);
  const isHost = host.networkMode === 'host';
  if (isHost && host.links.length > 0) {
    throw invalidArgument(
      "conflicting options: host type networking can't be used with links. This would result in undefined behavior",
    );
  }
  if (joined === undefined) return;
  const conflicts = [
    [joined === '', 'invalid container format container:<name|id>'],
    [hostname !== '', 'conflicting options: hostname and the network mode'],
    [
      host.links.length > 0,
      "conflicting options: container type network can't be used with links. This would result in undefined behavior",
    ],
    [host.dns.length > 0, 'conflicting options: dns and the network mode'],
    [host.extraHosts.length > 0, 'conflicting options: custom host-to-IP mapping and the network mode'],
    [
      Object.values(networks).some(({ macAddress }) => macAddress !== undefined),
      'conflicting options: mac-address and the network mode',
    ],
    [
      host.publishAllPorts || Object.keys(host.portBindings).length > 0,
      'conflicting options: port publishing and the container type network mode',
    ],
    [
      Object.keys(exposedPorts).length > 0,
      'conflicting options: port exposing and the container type network mode',
    ],
  ] as const;
  for (const [wrong, text] of conflicts) if (wrong) throw invalidArgument(text);
}

/** Throws in docker's words when a container whose namespace is to be joined does not run. */
export function reserveRequestOf(core: Core, { name, config, restarts }: Container): ReserveRequest {
  const joined = joinedBy(config.host.networkMode);
  if (joined !== undefined) return { kind: 'container', joinedId: runningDonor(core, joined).id };
  const names = { name, hostname: config.hostname };
  const places = restarts.edit?.places ?? {};
  const networks = wantedNetworks(config).map((each) => ({ ...each, before: places[each.network] }));
  return { kind: 'networks', networks, names, egress: egressOf(config) };
}

/** The process in whose network namespace a container starts; undefined: in one of its own, or the host's. */
export const networkDonor = (core: Core, sandbox: Sandbox): number | undefined =>
  sandbox.kind === 'container' ? runningDonor(core, sandbox.joinedId).pid : undefined;

/** The running container whose network namespace is joined. */
export function runningDonor(core: Core, reference: string): { readonly id: string; readonly pid: number } {
  let donor;
  try {
    donor = core.table.find(reference);
  } catch (error) {
    throw invalidArgument(messageOf(error), { cause: error });
  }
  const { state } = donor.view;
  if (state.kind !== 'running' && state.kind !== 'paused') {
    throw conflict(`cannot join network namespace of a non running container: ${donor.id}`);
  }
  return { id: donor.id, pid: state.pid };
}
