import type { FastifyInstance, FastifyReply } from 'fastify';
import { sendJson, type Door } from '../door.ts';
import { readDevices } from '../../../core/cdi/read-specs.ts';
import { showDevices, showInfo, showVersion } from '../convert/system.ts';

export function systemRoutes(app: FastifyInstance, door: Door): void {
  app.get('/_ping', (_request, reply) =>
    ping(reply).header('content-type', 'text/plain; charset=utf-8').send('OK'),
  );
  app.head('/_ping', (_request, reply) =>
    ping(reply).header('content-type', 'text/plain; charset=utf-8').header('content-length', '0').send(),
  );
  app.options('/*', (_request, reply) => reply.code(200).header('content-length', '0').send());
  app.get('/version', (_request, reply) => sendJson(reply, showVersion(door.engine)));
  app.get('/info', async (request, reply) => {
    const devices = await readDevices(door.ctx.log, door.info.cdiDirectories);
    return sendJson(reply, {
      ...showInfo(door.engine, door.info, request.apiVersion),
      ...showDevices([...devices.keys()], request.apiVersion),
    });
  });
}

/** Builder-Version 1 is the classic builder: without it the client expects BuildKit's sessions. */
function ping(reply: FastifyReply): FastifyReply {
  return reply
    .header('cache-control', 'no-cache, no-store, must-revalidate')
    .header('pragma', 'no-cache')
    .header('builder-version', '1')
    .header('swarm', 'inactive');
}
