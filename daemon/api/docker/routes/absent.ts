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
  ['POST', '/plugins/pull', 'Installing a plugin'],
  ['POST', '/plugins/create', 'Making a plugin'],
  ['GET', '/plugins/privileges', 'Installing a plugin'],
];

const SWARM: readonly string[] = ['/swarm', '/nodes', '/services', '/tasks', '/secrets', '/configs'];
const NO_MANAGER =
  'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.';
const NO_MEMBER = 'This node is not part of a swarm';

/** Docker's endpoints for a plugin by its name: there is none. */
const PLUGIN: readonly (readonly [method: 'GET' | 'POST' | 'DELETE', verb: string])[] = [
  ['GET', '/json'],
  ['DELETE', ''],
  ...['enable', 'disable', 'push', 'set', 'upgrade'].map((verb) => ['POST', `/${verb}`] as const),
];

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
  swarmRoutes(app);
  app.get('/plugins', (_request, reply) => sendJson(reply, []));
  for (const [method, verb] of PLUGIN) {
    app.route<Named>({
      method,
      url: `/plugins/:name${verb}`,
      handler: (request) => {
        throw notFound(`plugin "${nameOf(request)}" not found`);
      },
    });
  }
}

/** What a docker daemon says that is no member of a swarm; becoming one is nothing that we do. */
function swarmRoutes(app: FastifyInstance): void {
  for (const verb of ['init', 'join']) {
    app.post(`/swarm/${verb}`, () => {
      throw notImplemented(
        'Swarm mode is not supported: where one machine is outgrown, Kubernetes runs Wherry',
      );
    });
  }
  app.post('/swarm/leave', () => {
    throw new WherryError('unavailable', NO_MEMBER);
  });
  for (const path of SWARM) {
    for (const url of [path, `${path}/*`]) {
      app.route({
        method: ['GET', 'POST', 'DELETE'],
        url,
        handler: () => {
          throw new WherryError('unavailable', NO_MANAGER);
        },
      });
    }
  }
}
