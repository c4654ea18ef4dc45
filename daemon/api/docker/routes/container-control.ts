import type { FastifyInstance } from 'fastify';
import { nameOf, sendNothing, type Door, type Named } from '../door.ts';

/** What is done to a container's processes and limits: pause, unpause. */
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
}
