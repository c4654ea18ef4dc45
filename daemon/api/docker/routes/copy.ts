import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
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
    try {
      await files.copyIn(clientCtx(reply, door.ctx), nameOf(request), {
        path: pathOf(request),
        archive: request.raw.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>,
        asUser: flag(request.query, 'copyUIDGID'),
        keepKinds: flag(request.query, 'noOverwriteDirNonDir'),
      });
    } catch (error) {
      await drain(request.raw, reply.raw);
      throw error;
    }
    return reply.code(200).send();
  });
}

const LINGER_MS = 2000;

/** A client that is still sending would be cut off, and not hear why it failed. One that goes on for too long hears it first. */
async function drain(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.readableEnded || request.destroyed) return;
  // Not `resume`, which does nothing while an iterator still waits for a chunk.
  request.on('data', () => {});
  await once(request, 'end', { signal: AbortSignal.timeout(LINGER_MS) }).catch(() => {
    response.once('finish', () => request.destroy());
  });
}

/** Docker's words, a blank missing. */
function pathOf(request: FastifyRequest<Asked>): string {
  const path = text(request.query, 'path');
  if (path === undefined) throw invalidArgument('bad parameter: pathcannot be empty');
  return path;
}
