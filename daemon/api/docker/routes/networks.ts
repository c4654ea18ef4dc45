import type { FastifyInstance } from 'fastify';
import { invalidArgument } from '../../../../common/errors.ts';
import type { NetworkView } from '../../../core/networks/types.ts';
import { NO_SETTINGS } from '../../../core/networks/types.ts';
import { jsonText } from '../body.ts';
import { toEndpointSettings } from '../convert/endpoint-settings.ts';
import { showNetwork, showStatus } from '../convert/network.ts';
import { toNetworkRequest } from '../convert/to-network.ts';
import { nameOf, sendJson, sendNothing, type Door, type Named } from '../door.ts';
import { parseFilters, type Filters } from '../filters.ts';
import { pruneUntil } from '../until.ts';
import { text, type Query } from '../query.ts';
import { readConnectBody, readDisconnectBody, readNetworkCreateBody } from '../wire/network.ts';

const FILTERS = ['dangling', 'driver', 'id', 'label', 'name', 'scope', 'type'];
const BUILTIN = ['bridge', 'host', 'none'];
type Asked = { Querystring: Query };

export function networkRoutes(app: FastifyInstance, { engine, ctx }: Door): void {
  const { networks } = engine;

  app.get<Asked>('/networks', (request, reply) => {
    const filters = parseFilters(text(request.query, 'filters'), FILTERS);
    checkType(filters);
    const dangling = filters.truth('dangling');
    const found = networks
      .list()
      .filter((network) => isWanted(network, filters))
      .filter((network) => dangling === undefined || dangling === isDangling(network));
    return sendJson(
      reply,
      found.map((network) => showNetwork(network, [])),
    );
  });

  const isDangling = (network: NetworkView): boolean =>
    !BUILTIN.includes(network.name) && !networks.isUsed(network);

  app.get<Named & Asked>('/networks/:name', (request, reply) => {
    const scope = text(request.query, 'scope') ?? '';
    const network = networks.get(nameOf(request));
    if (scope !== '' && scope !== 'local') networks.get(`${nameOf(request)} in scope ${scope}`);
    return sendJson(reply, {
      ...showNetwork(network, engine.containers.list()),
      ...showStatus(networks.readinessOf(network)),
    });
  });

  app.post('/networks/create', async (request, reply) => {
    const body = readNetworkCreateBody(await jsonText(request.raw));
    const { id } = await networks.create(ctx, toNetworkRequest(body));
    return sendJson(reply, { Id: id, Warning: '' }, 201);
  });

  app.post<Named>('/networks/:name/connect', async (request, reply) => {
    const body = readConnectBody(await jsonText(request.raw));
    const settings =
      body.EndpointConfig === undefined ? NO_SETTINGS : toEndpointSettings(body.EndpointConfig);
    await networks.connect(ctx, nameOf(request), { container: body.Container ?? '', settings });
    return reply.code(200).send();
  });

  app.post<Named>('/networks/:name/disconnect', async (request, reply) => {
    const body = readDisconnectBody(await jsonText(request.raw));
    const { Container: container = '', Force: force = false } = body;
    await networks.disconnect(ctx, nameOf(request), { container, force });
    return reply.code(200).send();
  });

  app.delete<Named>('/networks/:name', async (request, reply) => {
    await networks.remove(ctx, nameOf(request));
    return sendNothing(reply);
  });

  app.post<Asked>('/networks/prune', async (request, reply) => {
    const filters = parseFilters(text(request.query, 'filters'), ['label', 'label!', 'until']);
    const createdBefore = pruneUntil(filters);
    const removed = await networks.prune(
      ctx,
      ({ labels, createdAt }) =>
        filters.labels('label', labels) &&
        (!filters.has('label!') || !filters.labels('label!', labels)) &&
        (createdBefore === undefined || new Date(createdAt) < createdBefore),
    );
    return sendJson(reply, { NetworksDeleted: removed.length === 0 ? null : removed });
  });
}

function isWanted(network: NetworkView, filters: Filters): boolean {
  return (
    filters.exact('driver', network.driver) &&
    filters.matches('name', network.name) &&
    filters.prefix('id', network.id) &&
    filters.exact('scope', 'local') &&
    filters.exact('type', BUILTIN.includes(network.name) ? 'builtin' : 'custom') &&
    filters.labels('label', network.labels)
  );
}

function checkType(filters: Filters): void {
  for (const type of filters.values('type')) {
    if (type !== 'custom' && type !== 'builtin') {
      throw invalidArgument(`invalid filter: 'type'='${type}'`);
    }
  }
}
