import type { FastifyInstance } from 'fastify';
import { notFound, notImplemented, WherryError } from '../../../../common/errors.ts';
import { nameOf, sendJson, type Named } from '../door.ts';

/** Docker's endpoints that we don't serve yet: clients get an answer that says so, not a missing page. */
const NOT_YET: readonly (readonly [
  method: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'HEAD',
  path: string,
  what: string,
])[] = [
  ['POST', '/build', 'Building an image'],
  ['POST', '/build/cancel', 'Cancelling a build'],
  ['POST', '/session', 'A build session'],
  ['POST', '/grpc', 'A build session'],
  ['GET', '/containers/:name/attach/ws', 'Attaching through a websocket'],
  ['POST', '/plugins/pull', 'Installing a plugin'],
];

const SWARM: readonly string[] = ['/swarm', '/nodes', '/services', '/tasks', '/secrets', '/configs'];
const NO_SWARM =
  'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.';

export function absentRoutes(app: FastifyInstance): void {
  for (const [method, url, what] of NOT_YET) {
    app.route({
      method,
      url,
      handler: () => {
        throw notImplemented(`${what} is not supported yet`);
      },
    });
  }
  for (const path of SWARM) {
    for (const url of [path, `${path}/*`]) {
      app.route({
        method: ['GET', 'POST', 'DELETE'],
        url,
        handler: () => {
          throw new WherryError('unavailable', NO_SWARM);
        },
      });
    }
  }
  app.get('/plugins', (_request, reply) => sendJson(reply, []));
  app.get<Named>('/plugins/:name/json', (request) => {
    throw notFound(`plugin "${nameOf(request)}" not found`);
  });
}
