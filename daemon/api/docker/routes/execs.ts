import type { FastifyInstance } from 'fastify';
import { jsonText } from '../body.ts';
import { nameOf, sendJson, type Door, type Named } from '../door.ts';
import { consoleLength, type Query } from '../query.ts';
import { inspectExec, toExecRequest } from '../convert/exec.ts';
import { readExecBody } from '../wire/exec.ts';

/** Create, inspect, resize; `hijack/exec-start.ts` starts them. */
export function execRoutes(app: FastifyInstance, door: Door): void {
  const { containers, execs } = door.engine;

  app.post<Named>('/containers/:name/exec', async (request, reply) => {
    const body = readExecBody((await jsonText(request.raw)) || '{}');
    const Id = await execs.create(door.ctx, toExecRequest(nameOf(request), body, request.apiVersion));
    return sendJson(reply, { Id }, 201);
  });

  app.get<Named>('/exec/:name/json', (request, reply) => {
    const exec = execs.get(nameOf(request));
    const user = exec.request.user || containers.get(exec.containerId).config.user;
    return sendJson(reply, inspectExec(exec, user));
  });

  app.post<Named & { Querystring: Query }>('/exec/:name/resize', async (request, reply) => {
    const size = { rows: consoleLength(request.query, 'h'), columns: consoleLength(request.query, 'w') };
    await execs.resize(door.ctx, nameOf(request), size);
    return reply.code(200).send();
  });
}
