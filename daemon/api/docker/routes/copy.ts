import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { invalidArgument } from '../../../../common/errors.ts';
import { pathStatusHeader } from '../convert/path-status.ts';
import { nameOf, type Door, type Named } from '../door.ts';
import { flag, text, type Query } from '../query.ts';
import { clientCtx } from '../stream.ts';

type Asked = Named & { Querystring: Query };

const STATUS_HEADER = 'X-Docker-Container-Path-Stat';

/** `docker cp`: a container's files, out and in. */
export function copyRoutes(app: FastifyInstance, door: Door): void {
  const { files } = door.engine;

  app.head<Asked>('/containers/:name/archive', async (request, reply) => {
    const status = await files.status(clientCtx(reply, door.ctx), nameOf(request), pathOf(request));
    return reply.header(STATUS_HEADER, pathStatusHeader(status)).send();
  });

  app.get<Asked>('/containers/:name/archive', { exposeHeadRoute: false }, async (request, reply) => {
    const ctx = clientCtx(reply, door.ctx);
    const { status, archive } = await files.copyOut(ctx, nameOf(request), pathOf(request));
    return reply
      .header(STATUS_HEADER, pathStatusHeader(status))
      .header('content-type', 'application/x-tar')
      .send(Readable.from(archive, { objectMode: false }));
  });

  app.put<Asked>('/containers/:name/archive', async (request, reply) => {
    await files.copyIn(clientCtx(reply, door.ctx), nameOf(request), {
      path: pathOf(request),
      archive: request.raw.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>,
      asUser: flag(request.query, 'copyUIDGID'),
      keepKinds: flag(request.query, 'noOverwriteDirNonDir'),
    });
    return reply.code(200).send();
  });
}

/** Docker's words, a blank missing. */
function pathOf(request: FastifyRequest<Asked>): string {
  const path = text(request.query, 'path');
  if (path === undefined) throw invalidArgument('bad parameter: pathcannot be empty');
  return path;
}
