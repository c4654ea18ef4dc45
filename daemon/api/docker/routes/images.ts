import type { FastifyInstance } from 'fastify';
import { codeOf, invalidArgument, notImplemented } from '../../../../common/errors.ts';
import type { Image } from '../../../../image/images.ts';
import { imageUsers } from '../image-users.ts';
import { nameOf, sendJson, type Door, type Named } from '../door.ts';
import { listImages } from '../list-images.ts';
import { checkImagePlatform, platformJson, platformsJson } from '../platform.ts';
import { flag, text, type Query } from '../query.ts';
import { clientCtx, startStream } from '../stream.ts';
import { streamError } from '../errors.ts';
import { differs } from '../versions.ts';
import { imageHistory, inspectImage } from '../convert/image.ts';
import { GO_ARCH } from '../convert/system.ts';

type Asked = Named & { Querystring: Query };

/** What the store holds: list, inspect, history, tag, delete, load. */
export function imageRoutes(app: FastifyInstance, door: Door): void {
  const { images, containers } = door.engine;

  app.get<{ Querystring: Query }>('/images/json', (request, reply) =>
    sendJson(reply, listImages(door.engine, request.query, request.apiVersion)),
  );

  app.get<Asked>('/images/:name/json', (request, reply) => {
    const { query, apiVersion } = request;
    const platform = differs.takesInspectPlatform(apiVersion) ? platformJson(query) : undefined;
    if (platform !== undefined && flag(query, 'manifests')) {
      throw invalidArgument('conflicting options: manifests and platform options cannot both be set');
    }
    const image = checkImagePlatform(images.get(nameOf(request)), nameOf(request), platform);
    return sendJson(reply, inspectImage(image, layerDirectories(door, image), apiVersion));
  });

  app.get<Asked>('/images/:name/history', (request, reply) => {
    const platform = differs.takesImagePlatform(request.apiVersion) ? platformJson(request.query) : undefined;
    return sendJson(
      reply,
      imageHistory(checkImagePlatform(images.get(nameOf(request)), nameOf(request), platform)),
    );
  });

  app.post<Asked>('/images/:name/tag', async (request, reply) => {
    const repository = text(request.query, 'repo') ?? '';
    const tag = text(request.query, 'tag');
    await images.tag(door.ctx, nameOf(request), tag === undefined ? repository : `${repository}:${tag}`);
    return reply.code(201).send();
  });

  app.delete<Asked>('/images/:name', async (request, reply) => {
    if (nameOf(request).trim() === '') throw invalidArgument('image name cannot be blank');
    const platforms = differs.takesRemovePlatforms(request.apiVersion) ? platformsJson(request.query) : [];
    // An image here is of one platform: it goes as a whole, or it is not what was meant.
    for (const platform of platforms) {
      checkImagePlatform(images.get(nameOf(request)), nameOf(request), platform);
    }
    const removed = await images.remove(door.ctx, nameOf(request), {
      force: flag(request.query, 'force'),
      users: (id) => imageUsers(containers, id),
    });
    return sendJson(
      reply,
      removed.map((item) => ('untagged' in item ? { Untagged: item.untagged } : { Deleted: item.deleted })),
    );
  });

  app.post<{ Querystring: Query }>('/images/load', async (request, reply) => {
    if (differs.takesImagePlatform(request.apiVersion)) checkLoadPlatform(platformJson(request.query));
    const ctx = clientCtx(reply, door.ctx);
    const stream = startStream(reply, ctx, 'application/json');
    try {
      await images.load(
        ctx,
        request.raw,
        (line) => void stream.write(`${JSON.stringify({ stream: line })}\r\n`),
      );
      stream.end();
    } catch (error) {
      stream.end(streamError(error));
    }
  });
}

/** Lowest first. None while the disk account can't tell. */
function layerDirectories({ engine }: Door, { id }: Image): readonly string[] {
  try {
    return engine.disk.layers(id).map(({ directory }) => directory);
  } catch (error) {
    if (codeOf(error) === 'not-implemented') return [];
    throw error;
  }
}

/** An archive's image for this machine is what load takes anyway. */
function checkLoadPlatform(platform: string | undefined): void {
  if (platform === undefined || platform.startsWith(`linux/${GO_ARCH}`)) return;
  throw notImplemented(`Cannot load an image for ${platform}: load takes what is for linux/${GO_ARCH}`);
}
