import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Readable } from 'node:stream';
import { invalidArgument } from '../../../../common/errors.ts';
import { familiar } from '../../../../image/reference.ts';
import { jsonText } from '../body.ts';
import { nameOf, sendJson, type Door, type Named } from '../door.ts';
import { platformJson } from '../platform.ts';
import { flag, text, texts, type Query } from '../query.ts';
import { clientCtx } from '../stream.ts';
import { differs } from '../versions.ts';
import { commitConfig } from '../convert/commit.ts';
import { parseTagged } from './image-transfers.ts';

type Asked = Named & { Querystring: Query };

const KINDS = { modified: 0, added: 1, deleted: 2 } as const;

/** Images and containers as archives: save, export, commit, and what a container changed. */
export function archiveRoutes(app: FastifyInstance, door: Door): void {
  const { containers } = door.engine;

  app.get<{ Querystring: Query }>('/images/get', (request, reply) =>
    save(door, { request, names: texts(request.query, 'names') }, reply),
  );

  app.get<Asked>('/images/:name/get', (request, reply) =>
    save(door, { request, names: [nameOf(request)] }, reply),
  );

  app.get<Named>('/containers/:name/export', async (request, reply) => {
    const ctx = clientCtx(reply, door.ctx);
    const archive = await containers.export(ctx, nameOf(request));
    return reply.header('content-type', 'application/octet-stream').send(Readable.from(archive));
  });

  app.get<Named>('/containers/:name/changes', async (request, reply) => {
    const changes = await containers.changes(clientCtx(reply, door.ctx), nameOf(request));
    const shown = changes.map(({ path, kind }) => ({ Path: path, Kind: KINDS[kind] }));
    return sendJson(reply, shown.length === 0 ? null : shown);
  });

  app.post<{ Querystring: Query }>('/commit', async (request, reply) => {
    const { query } = request;
    const repository = text(query, 'repo');
    const tag = text(query, 'tag');
    const id = await containers.commit(door.ctx, text(query, 'container') ?? '', {
      reference: repository === undefined ? undefined : tagged(repository, tag),
      author: text(query, 'author') ?? '',
      comment: text(query, 'comment') ?? '',
      changes: texts(query, 'changes'),
      pause: flag(query, 'pause', true),
      config: commitConfig(await jsonText(request.raw)),
    });
    return sendJson(reply, { Id: id }, 201);
  });
}

const tagged = (repository: string, tag: string | undefined): string =>
  familiar(parseTagged(tag === undefined ? repository : `${repository}:${tag}`));

async function save(
  door: Door,
  { request, names }: { request: FastifyRequest<{ Querystring: Query }>; names: readonly string[] },
  reply: FastifyReply,
): Promise<FastifyReply> {
  if (names.length === 0) throw invalidArgument('no image names given');
  const platform = differs.takesImagePlatform(request.apiVersion) ? platformJson(request.query) : undefined;
  const ctx = clientCtx(reply, door.ctx);
  const archive = await door.engine.archives.save(ctx, names, platform);
  return reply.header('content-type', 'application/x-tar').send(Readable.from(archive));
}
