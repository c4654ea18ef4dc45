import type { ImageAction } from '../image/store.ts';
import type { Events } from './core/contract.ts';

/** Publishes what the image store does as docker's events. */
export function imageEvents(events: Events): (action: ImageAction, id: string, name: string) => void {
  return (action, id, name) => events.publish({ type: 'image', action, actorId: id, attributes: { name } });
}
