import type { FastifyInstance } from 'fastify';
import { invalidArgument } from '../../../../common/errors.ts';
import type { Event, EventRange } from '../../../core/contract.ts';
import type { Door } from '../door.ts';
import { parseFilters, type Filters } from '../filters.ts';
import { integer, text, timestampNs, type Query } from '../query.ts';
import { ahead, clientCtx, startStream } from '../stream.ts';
import { differs } from '../versions.ts';
import { showEvent } from '../convert/event.ts';

/** Kinds of event that come in several forms: `exec_start: ls -l`. */
const OPEN_ENDED = ['health_status', 'exec_create', 'exec_start'];
const ACTOR_TYPES = [
  'container',
  'daemon',
  'image',
  'network',
  'volume',
  'plugin',
  'node',
  'service',
  'secret',
  'config',
];

export function eventRoutes(app: FastifyInstance, door: Door): void {
  app.get<{ Querystring: Query }>('/events', async (request, reply) => {
    const filters = parseFilters(text(request.query, 'filters'), undefined);
    const range = timeRange(request.query);
    const ctx = clientCtx(reply, door.ctx);
    const events = ahead(door.engine.events.subscribe(ctx, range));
    const stream = startStream(reply, ctx, 'application/json');
    const hidesImageCreate = !differs.showsImageCreateEvent(request.apiVersion);
    try {
      for await (const event of events.items) {
        if (hidesImageCreate && event.type === 'image' && event.action === 'create') continue;
        // Who counts on ids has to know what is missing, whatever it filters.
        const isGap = range.afterId !== undefined && event.type === 'daemon' && event.action === 'gap';
        if (isGap || isWanted(event, filters)) await stream.write(showEvent(event));
      }
    } catch (error) {
      if (!ctx.signal.aborted) door.ctx.log.warn('Cannot stream events', { error });
    }
    stream.end();
  });
}

function timeRange(query: Query): EventRange {
  const range = {
    sinceNs: timestampNs(query, 'since'),
    untilNs: timestampNs(query, 'until'),
    afterId: integer(query, 'after'),
  };
  if ((range.afterId ?? 0) < 0) throw invalidArgument('`after` is the id of an event, not negative');
  if (range.sinceNs !== undefined && range.untilNs !== undefined && range.untilNs < range.sinceNs) {
    throw invalidArgument(
      `\`since\` time (${text(query, 'since')}) cannot be after \`until\` time (${text(query, 'until')})`,
    );
  }
  return range;
}

/** Docker's rules: every key has to match, each of its values is an alternative. */
function isWanted(event: Event, filters: Filters): boolean {
  const fuzzy = filters.values('event').some((value) => OPEN_ENDED.includes(value));
  const { actorId, attributes } = event;
  return (
    (fuzzy ? filters.prefix('event', event.action) : filters.exact('event', event.action)) &&
    filters.exact('type', event.type) &&
    filters.exact('scope', 'local') &&
    ACTOR_TYPES.every((type) =>
      type === 'image'
        ? namesImage(event, filters)
        : filters.prefix(type, actorId) || filters.prefix(type, attributes['name'] ?? ''),
    ) &&
    filters.labels('label', attributes)
  );
}

/** A container's event belongs to its image, with and without the tag. */
function namesImage({ type, actorId, attributes }: Event, filters: Filters): boolean {
  const name = attributes[type === 'image' ? 'name' : 'image'] ?? '';
  return [actorId, name, withoutTag(actorId), withoutTag(name)].some((value) =>
    filters.exact('image', value),
  );
}

const withoutTag = (name: string): string => name.replace(/@.*$/, '').replace(/:[^:/]*$/, '');
