import type { FastifyInstance } from 'fastify';
import { invalidArgument, notImplemented } from '../../../../common/errors.ts';
import { nameOf, sendJson, type Door, type Named } from '../door.ts';
import { listImages } from '../list-images.ts';
import { flag, text, type Query } from '../query.ts';
import { clientCtx, startStream } from '../stream.ts';
import { streamError } from '../errors.ts';
import { imageHistory, inspectImage } from '../convert/image.ts';

type Asked = Named & { Querystring: Query };

export function imageRoutes(app: FastifyInstance, door: Door): void {
  const { images, containers } = door.engine;

  app.get<{ Querystring: Query }>('/images/json', (request, reply) =>
    sendJson(reply, listImages(door.engine, request.query, request.apiVersion)),
  );

  app.get<Named>('/images/:name/json', (request, reply) =>
    sendJson(reply, inspectImage(images.get(nameOf(request)), request.apiVersion)),
  );

  app.get<Named>('/images/:name/history', (request, reply) =>
    sendJson(reply, imageHistory(images.get(nameOf(request)))),
  );

  app.post<Asked>('/images/:name/tag', async (request, reply) => {
    const repository = text(request.query, 'repo') ?? '';
    const tag = text(request.query, 'tag');
    await images.tag(door.ctx, nameOf(request), tag === undefined ? repository : `${repository}:${tag}`);
    return reply.code(201).send();
  });

  app.delete<Asked>('/images/:name', async (request, reply) => {
    if (nameOf(request).trim() === '') throw invalidArgument('image name cannot be blank');
    const removed = await images.remove(door.ctx, nameOf(request), {
      force: flag(request.query, 'force'),
      users: (id) =>
        containers
          .list()
          .filter(({ imageId }) => imageId === id)
          .map(({ id: container, state }) => ({ id: container, running: state.kind === 'running' })),
    });
    return sendJson(
      reply,
      removed.map((item) => ('untagged' in item ? { Untagged: item.untagged } : { Deleted: item.deleted })),
    );
  });

  app.post('/images/load', async (request, reply) => {
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

  app.post<{ Querystring: Query }>('/images/create', (request) => {
    const name = text(request.query, 'fromImage');
    if (name === undefined) throw notImplemented('Importing an image is not supported yet');
    const tag = text(request.query, 'tag');
    const reference = tag === undefined ? name : `${name}${tag.includes(':') ? '@' : ':'}${tag}`;
    throw notImplemented(
      `Cannot pull "${reference}": pulling from a registry is not supported yet, load the image from an archive instead`,
    );
  });
}
