import type { FastifyInstance } from 'fastify';
import { invalidArgument } from '../../../../common/errors.ts';
import type { RemovedImage } from '../../../../image/images.ts';
import type { Ctx } from '../../../../common/ctx.ts';
import type { Container } from '../../../core/contract.ts';
import { LOCAL_DRIVER } from '../../../core/volumes/contract.ts';
import { showVolume } from '../convert/volume.ts';
import type { ContainerSize, SizedContainer } from '../../../core/disk/contract.ts';
import { sendJson, type Door } from '../door.ts';
import { parseFilters, type Filters } from '../filters.ts';
import { imagesWithUsage } from '../list-images.ts';
import { text, texts, type Query } from '../query.ts';
import { clientCtx } from '../stream.ts';
import { pruneUntil } from '../until.ts';
import { differs, type ApiVersion } from '../versions.ts';
import { summarize } from '../convert/container-summary.ts';
import { isUp } from '../convert/state.ts';
import { networkIds } from './containers.ts';

type Asked = { Querystring: Query };

const TYPES = ['container', 'image', 'volume', 'build-cache'] as const;
const PRUNE_FILTERS = ['dangling', 'label', 'label!', 'until'];

/** The disk account, and what gives the disk back. */
export function diskRoutes(app: FastifyInstance, door: Door): void {
  const { storage, disk } = door.engine;

  app.get<Asked>('/system/df', async (request, reply) => {
    const { apiVersion } = request;
    const types = wantedTypes(request.query, apiVersion);
    const containers = types.has('container') ? await storage.sizes(clientCtx(reply, door.ctx)) : undefined;
    // After the walk, so that it fits the containers rather than what was there before.
    return sendJson(reply, {
      LayersSize: types.has('image') ? disk.usage().layersBytes : 0,
      Images: types.has('image') ? imagesWithUsage(door.engine, apiVersion) : null,
      Containers: containers?.map((each) => showContainer(door, each)).toReversed() ?? null,
      Volumes: types.has('volume') ? await showVolumes(door, clientCtx(reply, door.ctx)) : null,
      BuildCache: types.has('build-cache') ? [] : null,
      ...(differs.takesUsageTypes(apiVersion) ? {} : { BuilderSize: 0 }),
    });
  });

  app.post<Asked>('/images/prune', async (request, reply) => {
    const filters = parseFilters(text(request.query, 'filters'), PRUNE_FILTERS);
    const { removed, reclaimedBytes } = await storage.pruneImages(clientCtx(reply, door.ctx), {
      danglingOnly: filters.truth('dangling') ?? true,
      createdBefore: pruneUntil(filters),
      labels: filters.values('label'),
      notLabels: filters.values('label!'),
      dryRun: false,
    });
    return sendJson(reply, { ImagesDeleted: showRemoved(removed), SpaceReclaimed: reclaimedBytes });
  });

  app.post<Asked>('/containers/prune', async (request, reply) => {
    const filters = parseFilters(text(request.query, 'filters'), ['label', 'label!', 'until']);
    return sendJson(reply, await pruneContainers(door, filters));
  });

  // Nothing of these kinds can be made yet, so nothing is unused.
  app.post('/build/prune', (_request, reply) => sendJson(reply, { CachesDeleted: null, SpaceReclaimed: 0 }));
}

/**
 * Of those that are ours: sizes of a plugin's are its own affair, and what has options lies elsewhere. Docker leaves out those with no
 * option but a size, too, whose users want to know how full they are.
 */
async function showVolumes({ engine: { volumes } }: Door, ctx: Ctx): Promise<object[]> {
  const found = (await volumes.list(ctx)).volumes.filter(
    ({ driver, options }) => driver === LOCAL_DRIVER && Object.keys(options).every((name) => name === 'size'),
  );
  return Promise.all(found.map(async (volume) => showVolume(volume, await volumes.usage(ctx, volume.name))));
}

function wantedTypes(query: Query, version: ApiVersion): ReadonlySet<string> {
  const given = texts(query, 'type');
  if (!differs.takesUsageTypes(version) || given.length === 0) return new Set(TYPES);
  for (const type of given) {
    if (!TYPES.some((known) => known === type)) throw invalidArgument(`unknown object type: ${type}`);
  }
  return new Set(given);
}

function showContainer(door: Door, { container, size }: SizedContainer<Container>): object {
  const image = door.engine.images.list().find(({ id }) => id === container.imageId);
  return summarize(container, {
    image: image === undefined || image.tags.length === 0 ? container.imageId : container.imageName,
    networkId: networkIds(door),
    nowMs: Date.now(),
    size,
  });
}

/** `null` when nothing was removed, as docker has it. */
export const showRemoved = (removed: readonly RemovedImage[]): object[] | null =>
  removed.length === 0
    ? null
    : removed.map((item) => ('untagged' in item ? { Untagged: item.untagged } : { Deleted: item.deleted }));

/** Containers that neither run nor are about to. One that somebody starts or removes meanwhile is left out. */
async function pruneContainers({ engine, ctx }: Door, filters: Filters): Promise<object> {
  const before = pruneUntil(filters)?.getTime() ?? Infinity;
  const deleted: string[] = [];
  let reclaimedBytes = 0;
  for (const container of engine.containers.list()) {
    if (!isPrunable(container, filters, before)) continue;
    const size: ContainerSize = await engine.storage.sizeOf(ctx, container);
    try {
      await engine.containers.remove(ctx, container.id, { force: false, volumes: false });
    } catch (error) {
      ctx.log.warn('Cannot prune a container', { container: container.id, error });
      continue;
    }
    deleted.push(container.id);
    reclaimedBytes += size.rwBytes;
  }
  const attributes = { reclaimed: String(reclaimedBytes) };
  engine.events.publish({ type: 'container', action: 'prune', actorId: '', attributes });
  return { ContainersDeleted: deleted.length === 0 ? null : deleted, SpaceReclaimed: reclaimedBytes };
}

function isPrunable({ state, createdAt, config }: Container, filters: Filters, beforeMs: number): boolean {
  if (isUp(state) || state.kind === 'starting' || state.kind === 'removing') return false;
  if (Date.parse(createdAt) >= beforeMs || !filters.labels('label', config.labels)) return false;
  return !filters.has('label!') || !filters.labels('label!', config.labels);
}
