import type { FastifyInstance } from 'fastify';
import { invalidArgument, WherryError } from '../../../../common/errors.ts';
import type { Volume } from '../../../core/volumes/contract.ts';
import { jsonText } from '../body.ts';
import { nameOf, sendJson, sendNothing, type Door, type Named } from '../door.ts';
import { parseFilters, type Filters } from '../filters.ts';
import { flag, text, type Query } from '../query.ts';
import { clientCtx } from '../stream.ts';
import { differs } from '../versions.ts';
import { showVolume } from '../convert/volume.ts';
import { readVolumeBody } from '../wire/volume.ts';

type Asked = { Querystring: Query };

const FILTERS = ['dangling', 'driver', 'label', 'name'];

export function volumeRoutes(app: FastifyInstance, { engine, ctx }: Door): void {
  const { volumes } = engine;

  app.get<Asked>('/volumes', async (request, reply) => {
    const filters = parseFilters(text(request.query, 'filters'), FILTERS);
    const dangling = filters.truth('dangling');
    const found = await volumes.list(clientCtx(reply, ctx));
    const wanted = found.volumes.filter(
      (volume) =>
        isWanted(volume, filters) &&
        (dangling === undefined || dangling === (volumes.users(volume.name).length === 0)),
    );
    return sendJson(reply, {
      Volumes: wanted.map((volume) => showVolume(volume)),
      Warnings: found.warnings.length === 0 ? null : found.warnings,
    });
  });

  app.post('/volumes/create', async (request, reply) => {
    const body = readVolumeBody(await jsonText(request.raw));
    if (body.ClusterVolumeSpec !== undefined) throw noCluster();
    const volume = await volumes.create(ctx, {
      name: body.Name,
      driver: body.Driver,
      options: body.DriverOpts ?? {},
      labels: body.Labels ?? {},
    });
    return sendJson(reply, showVolume(volume), 201);
  });

  app.get<Named>('/volumes/:name', async (request, reply) =>
    sendJson(reply, showVolume(await volumes.get(clientCtx(reply, ctx), nameOf(request)))),
  );

  /** Only those of a cluster can be changed. */
  app.put<Named>('/volumes/:name', () => {
    throw new WherryError(
      'unavailable',
      'volume update only valid for cluster volumes, but swarm is unavailable',
    );
  });

  app.delete<Named & Asked>('/volumes/:name', async (request, reply) => {
    await volumes.remove(ctx, nameOf(request), { force: flag(request.query, 'force') });
    return sendNothing(reply);
  });

  app.post<Asked>('/volumes/prune', async (request, reply) => {
    const filters = parseFilters(text(request.query, 'filters'), ['all', 'label', 'label!']);
    // Before 1.42 everything went that nobody used.
    const all = differs.prunesAnonymous(request.apiVersion) ? (filters.truth('all') ?? false) : true;
    const { removed, reclaimedBytes } = await volumes.prune(clientCtx(reply, ctx), {
      all,
      wanted: ({ labels }) =>
        filters.labels('label', labels) && (!filters.has('label!') || !filters.labels('label!', labels)),
    });
    return sendJson(reply, {
      VolumesDeleted: removed,
      SpaceReclaimed: reclaimedBytes,
    });
  });

  /** What docker has no endpoint for: a new volume with what this one holds. */
  app.post<Named & Asked>('/wherry/volumes/:name/copy', async (request, reply) => {
    const to = text(request.query, 'to');
    if (to === undefined) throw invalidArgument('to must be given');
    return sendJson(reply, showVolume(await volumes.copy(ctx, nameOf(request), to)), 201);
  });
}

const noCluster = (): WherryError =>
  new WherryError(
    'unavailable',
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.',
  );

function isWanted({ name, driver, labels }: Volume, filters: Filters): boolean {
  return (
    filters.exact('driver', driver) &&
    filters.labels('label', labels) &&
    (!filters.has('name') ||
      filters.values('name').some((part) => name.includes(part)) ||
      filters.matches('name', name))
  );
}
