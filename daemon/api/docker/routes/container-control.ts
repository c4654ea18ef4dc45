import type { FastifyInstance } from 'fastify';
import { nameOf, sendJson, sendNothing, type Door, type Named } from '../door.ts';
import { jsonText } from '../body.ts';
import { text, type Query } from '../query.ts';
import { readUpdate } from '../convert/to-update.ts';

type Asked = Named & { Querystring: Query };

/** What is done to a container's processes and limits: pause, unpause, top, update. */
export function containerControlRoutes(app: FastifyInstance, door: Door): void {
  const { containers } = door.engine;

  app.post<Named>('/containers/:name/pause', async (request, reply) => {
    await containers.pause(door.ctx, nameOf(request));
    return sendNothing(reply);
  });

  app.post<Named>('/containers/:name/unpause', async (request, reply) => {
    await containers.unpause(door.ctx, nameOf(request));
    return sendNothing(reply);
  });

  app.post<Named>('/containers/:name/update', async (request, reply) => {
    const { change, warnings: dropped } = readUpdate(await jsonText(request.raw), request.apiVersion);
    const warnings = [...dropped, ...(await containers.update(door.ctx, nameOf(request), change))];
    return sendJson(reply, { Warnings: warnings.length === 0 ? null : warnings });
  });

  app.get<Asked>('/containers/:name/top', async (request, reply) => {
    const { titles, rows } = await containers.top(
      door.ctx,
      nameOf(request),
      text(request.query, 'ps_args') ?? '',
    );
    return sendJson(reply, { Processes: rows, Titles: titles });
  });
}
