import type { Core } from '../core.ts';
import type { Endpoint } from '../networks/types.ts';
import type { Entry } from './table.ts';

/** Publishes a container's event with docker's attributes: the labels, the image as the client named it, the name. */
export function announce(
  { events }: Pick<Core, 'events'>,
  { id, view }: Entry,
  event: { readonly action: string; readonly attributes?: Readonly<Record<string, string>> },
): void {
  const { name, imageName, config } = view;
  const attributes = { ...event.attributes, ...config.labels, image: imageName, name };
  events.publish({ type: 'container', action: event.action, actorId: id, attributes });
}

/** Publishes that a container joined or left its network. */
export function announceNetwork(
  { events }: Pick<Core, 'events'>,
  action: 'connect' | 'disconnect',
  endpoint: Endpoint,
): void {
  const { containerId, networkId, networkName, driver } = endpoint;
  const attributes = { container: containerId, name: networkName, type: driver };
  events.publish({ type: 'network', action, actorId: networkId, attributes });
}
