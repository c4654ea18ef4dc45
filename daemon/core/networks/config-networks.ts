import { notFound, WherryError } from '../../../common/errors.ts';
import type { NetworkRequest } from './contract.ts';
import { checkIpam } from './ipam.ts';
import type { Network } from './network.ts';
import type { NetworkView } from './types.ts';

/** Docker's configuration networks: settings under a name (`--config-only`), of which others are made (`--config-from`). Pure. */
const refused = (text: string): WherryError => new WherryError('permission-denied', text);

/** What docker refuses of the two, in its words. */
export function checkConfig(request: NetworkRequest): void {
  const { configOnly, configFrom, internal, attachable, enableIPv4, enableIPv6 } = request;
  if (configOnly && (internal || attachable || request.namesScope)) {
    throw refused(
      'configuration network can only contain network specific fields. Network operator fields like [ ingress | internal | attachable | scope ] are not supported.',
    );
  }
  if (configFrom === undefined) return;
  if (configOnly) throw refused('a configuration network cannot depend on another configuration network');
  const counts = [request.labels, request.ipamOptions ?? {}, request.ipam].map(
    (each) => Object.keys(each).length,
  );
  if (!enableIPv4 || enableIPv6 || counts.some((count) => count > 0)) {
    throw refused(
      'user specified configurations are not supported if the network depends on a configuration network',
    );
  }
  if (Object.keys(request.options).length > 0) {
    throw refused(
      'network driver options are not supported if the network depends on a configuration network',
    );
  }
}

/** The request with what its configuration network says. Throws `not-found` in docker's words. */
export function withConfig(request: NetworkRequest, networks: Iterable<Network>): NetworkRequest {
  const { configFrom } = request;
  if (configFrom === undefined) return request;
  const found = [...networks].find(({ view }) => view.configOnly === true && view.name === configFrom);
  if (found === undefined) throw notFound(`configuration network "${configFrom}" does not exist`);
  const { enableIPv4, enableIPv6, ipam, ipamOptions, options, labels } = found.view;
  return { ...request, enableIPv4, enableIPv6, ipam, ipamOptions, options, labels };
}

/** A configuration network as it is kept: nothing is taken, and no device made. */
export function describeConfig(
  request: NetworkRequest,
  made: Pick<NetworkView, 'id' | 'createdAt'>,
): NetworkView {
  checkIpam(request);
  const { configFrom: _none, namesScope: _scope, ...rest } = request;
  return { ...rest, ...made, driver: 'null', configOnly: true };
}

/** Throws docker's words for one that other networks are made of. */
export function checkUnused({ name, configOnly }: NetworkView, networks: Iterable<Network>): void {
  const users = configOnly === true && [...networks].some(({ view }) => view.configFrom === name);
  if (users) throw refused(`configuration network "${name}" is in use`);
}

/** Throws docker's words for a container that would join one. */
export function checkJoinable({ configOnly }: NetworkView): void {
  if (configOnly === true) throw refused('cannot create endpoint on configuration-only network');
}
