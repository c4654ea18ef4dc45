import type { OnImageEvent } from '../image/parts.ts';
import type { Events } from './core/contract.ts';

/** Publishes what the image store does as docker's events. */
export function imageEvents(events: Events): OnImageEvent {
  return (action, id, name) => events.publish({ type: 'image', action, actorId: id, attributes: { name } });
}
