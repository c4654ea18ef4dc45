import type { FastifyInstance } from 'fastify';
import { invalidArgument } from '../../../../common/errors.ts';
import type { LogsRequest } from '../../../core/contract.ts';
import { nameOf, type Door, type Named } from '../door.ts';
import { flag, text, timestampNs, type Query } from '../query.ts';
import { ahead, clientCtx, frame, MULTIPLEXED_STREAM, RAW_STREAM, startStream } from '../stream.ts';
import { differs } from '../versions.ts';

type Asked = Named & { Querystring: Query };

export function logRoutes(app: FastifyInstance, door: Door): void {
  const { containers } = door.engine;
  app.get<Asked>('/containers/:name/logs', async (request, reply) => {
    const wanted = logsRequest(request.query);
    const { id, config } = containers.get(nameOf(request));
    const ctx = clientCtx(reply, door.ctx);
    const chunks = ahead(containers.logs(ctx, id, wanted));
    /** What refuses to begin gets an HTTP error; once headers are out there is no way to say it. */
    if (!wanted.follow) await chunks.first;
    const multiplexed = !config.tty && differs.tellsMultiplexed(request.apiVersion);
    const stream = startStream(reply, ctx, multiplexed ? MULTIPLEXED_STREAM : RAW_STREAM);
    try {
      for await (const chunk of chunks.items) {
        await stream.write(config.tty ? chunk.data : frame(chunk.stream, chunk.data));
      }
    } catch (error) {
      if (!ctx.signal.aborted) door.ctx.log.warn('Cannot stream logs', { container: id, error });
    }
    stream.end();
  });
}

function logsRequest(query: Query): LogsRequest {
  const stdout = flag(query, 'stdout');
  const stderr = flag(query, 'stderr');
  if (!stdout && !stderr) throw invalidArgument('Bad parameters: you must choose at least one stream');
  const tail = text(query, 'tail') ?? 'all';
  return {
    stdout,
    stderr,
    follow: flag(query, 'follow'),
    timestamps: flag(query, 'timestamps'),
    details: flag(query, 'details'),
    /** Anything but a number, and a negative one, means all. */
    tail: /^\+?\d+$/.test(tail) ? Number(tail) : undefined,
    sinceNs: timestampNs(query, 'since'),
    untilNs: text(query, 'until') === '0' ? undefined : timestampNs(query, 'until'),
  };
}
