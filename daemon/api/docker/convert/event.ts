import type { Event } from '../../../core/contract.ts';

/** One line of `GET /events`; `eventId`, which docker lacks, is what `after` takes. Built by hand at its end: nanoseconds since the epoch are no JavaScript number. */
export function showEvent(event: Event): string {
  const message = {
    ...legacy(event),
    Type: event.type,
    Action: event.action,
    Actor: { ID: event.actorId, Attributes: event.attributes },
    scope: 'local',
    eventId: event.id,
    time: Number(event.timeNs / 1_000_000_000n),
  };
  return `${JSON.stringify(message).slice(0, -1)},"timeNano":${event.timeNs}}\n`;
}

/** Fields from before the actor, kept for containers and images. */
function legacy({ type, action, actorId, attributes }: Event): object {
  const from = attributes['image'] ?? '';
  if (type === 'container') return { status: action, id: actorId, ...(from === '' ? {} : { from }) };
  return type === 'image' ? { status: action, id: actorId } : {};
}
