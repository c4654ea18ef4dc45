import type { FastifyInstance } from 'fastify';
import { invalidArgument } from '../../../../common/errors.ts';
import type { ContainerSample } from '../../../core/contract.ts';
import { nameOf, sendJsonText, type Door, type Named } from '../door.ts';
import { flag, type Query } from '../query.ts';
import { clientCtx, startStream } from '../stream.ts';
import { showStats } from '../convert/stats.ts';

type Asked = Named & { Querystring: Query };

/** What containers use: a stream, two samples a second apart, or one. */
export function statsRoutes(app: FastifyInstance, door: Door): void {
  const { containers } = door.engine;

  app.get<Asked>('/containers/:name/stats', async (request, reply) => {
    const stream = flag(request.query, 'stream', true);
    const oneShot = flag(request.query, 'one-shot');
    if (stream && oneShot) throw invalidArgument('cannot have stream=true and one-shot=true');
    const container = containers.get(nameOf(request));
    const { id } = container;
    const ctx = clientCtx(reply, door.ctx);
    if (oneShot)
      return sendJsonText(reply, showStats(container, await containers.sample(ctx, id), undefined));
    const samples = containers.stats(ctx, id);
    if (stream) {
      const answer = startStream(reply, ctx, 'application/json');
      let before: ContainerSample | undefined;
      for await (const sample of samples) {
        await answer.write(showStats(container, sample, before));
        before = sample;
      }
      answer.end();
      return reply;
    }
    return sendJsonText(reply, await overOneInterval(container, samples));
  });
}

/** With the figures of the processor of a second ago; at once for what does not run. */
async function overOneInterval(
  container: Parameters<typeof showStats>[0],
  samples: AsyncIterable<ContainerSample | undefined>,
): Promise<string> {
  let before: ContainerSample | undefined;
  for await (const sample of samples) {
    if (sample === undefined || before !== undefined) return showStats(container, sample, before);
    before = sample;
  }
  return showStats(container, undefined, undefined);
}
