import type { FastifyInstance } from 'fastify';
import type { NetworkView } from '../../../core/networks/types.ts';
import { nameOf, sendJson, type Door, type Named } from '../door.ts';
import { parseFilters, type Filters } from '../filters.ts';
import { text, type Query } from '../query.ts';
import { showNetwork } from '../convert/network.ts';

const FILTERS = ['dangling', 'driver', 'id', 'label', 'name', 'scope', 'type'];

export function networkRoutes(app: FastifyInstance, { engine }: Door): void {
  app.get<{ Querystring: Query }>('/networks', (request, reply) => {
    const filters = parseFilters(text(request.query, 'filters'), FILTERS);
    const networks = engine.networks.list().filter((network) => isWanted(network, filters));
    return sendJson(
      reply,
      networks.map((network) => showNetwork(network, [])),
    );
  });
  app.get<Named>('/networks/:name', (request, reply) => {
    const network = engine.networks.get(nameOf(request));
    return sendJson(reply, showNetwork(network, engine.containers.list()));
  });
}

/** All that exist are docker's own three: local, `builtin`, without labels, and never dangling. */
function isWanted(network: NetworkView, filters: Filters): boolean {
  return (
    filters.exact('driver', network.driver) &&
    filters.matches('name', network.name) &&
    filters.prefix('id', network.id) &&
    filters.exact('scope', 'local') &&
    filters.exact('type', 'builtin') &&
    filters.labels('label', {}) &&
    filters.truth('dangling') !== true
  );
}
