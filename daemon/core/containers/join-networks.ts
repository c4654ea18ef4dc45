import { conflict, invalidArgument, messageOf } from '../../../common/errors.ts';
import type { Container, CreateRequest } from '../contract.ts';
import type { Core } from '../core.ts';
import type { ReserveRequest } from '../networks/contract.ts';
import { NO_SETTINGS } from '../networks/types.ts';

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

/** Throws in docker's words when a container whose namespace is to be joined does not run. */
export function reserveRequestOf(core: Core, { name, config }: Container): ReserveRequest {
  const joined = joinedBy(config.host.networkMode);
  if (joined !== undefined) return { kind: 'container', joinedId: runningDonor(core, joined).id };
  const names = { name, hostname: config.hostname };
  return { kind: 'networks', networks: wantedNetworks(config), names };
}

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
