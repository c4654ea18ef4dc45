import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { invalidArgument, notImplemented } from '../../../../common/errors.ts';
import type { Compacted, LayerView, PathChange } from '../../../../image/disk.ts';
import { showReadiness } from '../convert/network.ts';
import { showOperation } from '../convert/operations.ts';
import type { PortReach, Reach } from '../../../core/reach/contract.ts';
import { nameOf, sendJson, sendJsonText, sendNothing, type Door, type Named } from '../door.ts';
import { jsonText } from '../body.ts';
import { readEdit } from '../convert/to-edit.ts';
import { flag, text, type Query } from '../query.ts';
import { registryAuth } from '../registry-auth.ts';
import { clientCtx } from '../stream.ts';
import { showRemoved } from './disk.ts';

type Asked = Named & { Querystring: Query };
type Plain = { Querystring: Query };

/** What docker has no endpoint for. Names in these paths are escaped. */
export function wherryRoutes(app: FastifyInstance, door: Door): void {
  const { images, disk } = door.engine;

  /** The layers of one image, lowest first. */
  app.get<Named>('/wherry/images/:name/layers', (request, reply) =>
    sendJson(reply, disk.layers(nameOf(request)).map(showLayer)),
  );

  /** Every image with its layers: what is built on what. */
  app.get('/wherry/images', (_request, reply) => {
    const usage = new Map(disk.usage().images.map((each) => [each.id, each]));
    return sendJson(
      reply,
      images.list().map((image) => ({
        Id: image.id,
        RepoTags: image.tags,
        Size: image.sizeBytes,
        SharedSize: usage.get(image.id)?.sharedBytes ?? 0,
        UniqueSize: usage.get(image.id)?.uniqueBytes ?? 0,
        LastUsed: usage.get(image.id)?.lastUsedAt ?? '',
        Pinned: usage.get(image.id)?.pinned ?? false,
        Layers: disk.layers(image.id).map(showLayer),
      })),
    );
  });

  app.get<Plain>('/wherry/images/diff', (request, reply) => {
    const [from, to] = [text(request.query, 'from'), text(request.query, 'to')];
    if (from === undefined || to === undefined) throw invalidArgument('from and to must be given');
    if (flag(request.query, 'paths')) {
      const changes = disk.diffPaths(clientCtx(reply, door.ctx), from, to);
      return reply.header('content-type', 'application/x-ndjson').send(Readable.from(pathLines(changes)));
    }
    const { shared, onlyFirst, onlySecond } = disk.diff(from, to);
    return sendJson(reply, {
      Shared: shared.map(showLayer),
      OnlyFrom: onlyFirst.map(showLayer),
      OnlyTo: onlySecond.map(showLayer),
    });
  });

  app.post<Asked>('/wherry/images/:name/pin', (request, reply) => {
    disk.pin(nameOf(request), flag(request.query, 'pinned', true));
    return sendNothing(reply);
  });
  containerRoutes(app, door);
  networkRoutes(app, door);
  systemRoutes(app, door);
}

function containerRoutes(app: FastifyInstance, door: Door): void {
  const { containers, operations } = door.engine;

  /** What is being done, and what each waits for. */
  app.get('/wherry/operations', (_request, reply) =>
    sendJson(
      reply,
      operations.all().map((each) => showOperation(each)),
    ),
  );

  /** Who gets to each published port of a running container, and what decides it. */
  app.get<Named>('/wherry/containers/:name/ports', async (request, reply) => {
    const ports = await door.engine.explainPorts(nameOf(request));
    return sendJson(reply, ports.map(showPortReach));
  });

  /** Changes what a container was made with: the body is create's, as far as it can be edited, and what is missing stays. */
  app.post<Asked>('/wherry/containers/:name/edit', async (request, reply) => {
    const before = containers.get(nameOf(request));
    const { change, warnings } = readEdit(await jsonText(request.raw), before, request.apiVersion);
    const result = await containers.edit(door.ctx, {
      reference: before.id,
      change,
      dryRun: flag(request.query, 'dryRun'),
    });
    return sendJson(reply, {
      Live: result.live,
      Anew: result.anew,
      Restarted: result.restarted,
      Warnings: [...warnings, ...result.warnings],
    });
  });

  /** The engine's own state of a container, where docker's says less. */
  app.get<Named>('/wherry/containers/:name/state', (request, reply) => {
    const { state } = containers.get(nameOf(request));
    return sendJson(reply, {
      Kind: state.kind,
      RestartAt: state.kind === 'restarting' ? state.restartAt : '',
    });
  });
}

function networkRoutes(app: FastifyInstance, { engine, ctx }: Door): void {
  /** CNI's CHECK. */
  app.post<Named>('/wherry/networks/:name/check', async (request, reply) => {
    const checked = await engine.networks.check(clientCtx(reply, ctx), nameOf(request));
    return sendJson(
      reply,
      checked.map(({ containerId, skipped, error }) => ({
        Container: containerId,
        Skipped: skipped,
        Error: error ?? '',
      })),
    );
  });

  /** CNI's STATUS. */
  app.post<Named>('/wherry/networks/:name/status', async (request, reply) => {
    const readiness = await engine.networks.askReadiness(nameOf(request));
    return sendJson(reply, readiness === undefined ? {} : showReadiness(readiness));
  });
}

async function* pathLines(changes: AsyncIterable<readonly PathChange[]>): AsyncGenerator<string> {
  for await (const some of changes) {
    yield some
      .map(({ path, kind, aspects }) => `${JSON.stringify({ Path: path, Kind: kind, Aspects: aspects })}\n`)
      .join('');
  }
}

function systemRoutes(app: FastifyInstance, door: Door): void {
  const { disk, storage } = door.engine;

  /** What a name stands for in its registry, as that sent it. */
  app.get<Named>('/wherry/manifests/:name', async (request, reply) => {
    const ctx = clientCtx(reply, door.ctx);
    const { manifest } = await door.engine.transfers.inspect(ctx, nameOf(request), registryAuth(request));
    if (manifest === undefined) throw notImplemented('Showing a manifest is not supported yet');
    return sendJsonText(reply, Buffer.from(manifest).toString('utf8'));
  });

  app.get('/wherry/system/verify', async (_request, reply) => {
    const found = await disk.verify(clientCtx(reply, door.ctx));
    return sendJson(reply, {
      ExpectedBytes: found.expectedBytes,
      ActualBytes: found.actualBytes,
      Orphans: found.orphans,
      Missing: found.missing,
    });
  });

  app.post<Plain>('/wherry/system/check', async (request, reply) => {
    const repair = flag(request.query, 'repair');
    const damages = await storage.check(clientCtx(reply, door.ctx), { repair });
    return sendJson(
      reply,
      damages.map(({ what, digest, images: of, problem, repaired }) => ({
        What: what,
        Digest: digest,
        Images: of,
        Problem: problem,
        Repaired: repaired,
      })),
    );
  });

  app.post('/wherry/system/compact', async (_request, reply) => {
    const compacted = await disk.compact(clientCtx(reply, door.ctx));
    return sendJson(reply, compacted.map(showCompacted));
  });

  app.post<Plain>('/wherry/system/reclaim', async (request, reply) => {
    const dryRun = flag(request.query, 'dryRun');
    const { removed, reclaimedBytes } = await storage.reclaim(clientCtx(reply, door.ctx), { dryRun });
    return sendJson(reply, { ImagesDeleted: showRemoved(removed), SpaceReclaimed: reclaimedBytes });
  });
}

const showReach = ({ verdict, by, unless }: Reach): object => ({
  Verdict: verdict,
  By: by,
  Unless: unless.map((each) => ({ Verdict: each.verdict, By: each.by })),
});

const showPortReach = ({ port, at, lan, containers, networks, host, notes }: PortReach): object => ({
  Port: port,
  At: at,
  Lan: showReach(lan),
  Containers: showReach(containers),
  Networks: networks.map((each) => ({ Network: each.network, ...showReach(each) })),
  Host: showReach(host),
  Notes: notes,
});

const showCompacted = (blob: Compacted): object => ({
  Digest: blob.digest,
  Size: blob.blobBytes,
  Dropped: blob.kind === 'dropped',
  RecipeSize: blob.kind === 'dropped' ? blob.recipeBytes : 0,
  Reason: blob.kind === 'dropped' ? '' : blob.kind === 'kept' ? blob.reason : 'it is in use',
});

const showLayer = (layer: LayerView): object => ({
  Digest: layer.blob ?? null,
  CompressedSize: layer.blobBytes ?? null,
  RecipeSize: layer.recipeBytes ?? null,
  DiffId: layer.diffId,
  ChainId: layer.chainId,
  Directory: layer.directory,
  Size: layer.sizeBytes,
  DiskSize: layer.diskBytes,
  Images: layer.images,
});
