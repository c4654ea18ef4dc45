import type { FastifyInstance } from 'fastify';
import { codeOf, invalidArgument, messageOf, WherryError } from '../../../../common/errors.ts';
import type { WaitCondition } from '../../../core/contract.ts';
import { nameOf, sendNothing, type Door, type Named } from '../door.ts';
import { consoleLength, integer, text, type Query } from '../query.ts';
import { clientCtx, startStream } from '../stream.ts';
import { differs, type ApiVersion } from '../versions.ts';

type Asked = Named & { Querystring: Query };

/** What a container does: start, stop, restart, kill, resize, wait. */
export function containerRunRoutes(app: FastifyInstance, door: Door): void {
  const { containers } = door.engine;

  app.post<Asked>('/containers/:name/start', async (request, reply) => {
    if (
      Number(request.headers['content-length'] ?? 0) > 7 ||
      request.headers['transfer-encoding'] !== undefined
    ) {
      throw invalidArgument(
        'starting container with non-empty request body was deprecated since API v1.22 and removed in v1.24',
      );
    }
    const detachKeys = text(request.query, 'detachKeys');
    await containers.start(door.ctx, nameOf(request), detachKeys === undefined ? {} : { detachKeys });
    return sendNothing(reply);
  });

  app.post<Asked>('/containers/:name/stop', async (request, reply) => {
    await containers.stop(door.ctx, nameOf(request), stopOptions(request.query, request.apiVersion));
    return sendNothing(reply);
  });

  app.post<Asked>('/containers/:name/restart', async (request, reply) => {
    await containers.restart(door.ctx, nameOf(request), stopOptions(request.query, request.apiVersion));
    return sendNothing(reply);
  });

  app.post<Asked>('/containers/:name/kill', async (request, reply) => {
    const name = nameOf(request);
    try {
      await containers.kill(door.ctx, name, text(request.query, 'signal') ?? 'KILL');
    } catch (error) {
      throw new WherryError(codeOf(error), `cannot kill container: ${name}: ${messageOf(error)}`, {
        cause: error,
      });
    }
    return sendNothing(reply);
  });

  // With an Upgrade header it is the hijack's.
  app.get<Asked>('/containers/:name/attach/ws', () => {
    throw invalidArgument('not websocket protocol');
  });

  app.post<Asked>('/containers/:name/resize', async (request, reply) => {
    const size = { rows: consoleLength(request.query, 'h'), columns: consoleLength(request.query, 'w') };
    await containers.resize(door.ctx, nameOf(request), size);
    return reply.code(200).send();
  });

  app.post<Asked>('/containers/:name/wait', async (request, reply) => {
    const { id } = containers.get(nameOf(request));
    const ctx = clientCtx(reply, door.ctx);
    const outcome = containers.wait(ctx, id, waitCondition(request.query, request.apiVersion));
    const early = differs.takesWaitCondition(request.apiVersion)
      ? startStream(reply, ctx, 'application/json')
      : undefined;
    const answer = await outcome.then(
      ({ exitCode, error }) => ({
        StatusCode: exitCode,
        ...(error === undefined ? {} : { Error: { Message: error } }),
      }),
      (error: unknown) => ({ StatusCode: 0, Error: { Message: messageOf(error) } }),
    );
    (early ?? startStream(reply, ctx, 'application/json')).end(`${JSON.stringify(answer)}\n`);
  });
}

function stopOptions(
  query: Query,
  version: ApiVersion,
): { readonly signal: string | undefined; readonly timeoutS: number | undefined } {
  return {
    signal: differs.takesStopSignal(version) ? text(query, 'signal') : undefined,
    timeoutS: integer(query, 't'),
  };
}

const CONDITIONS: readonly WaitCondition[] = ['not-running', 'next-exit', 'removed', 'healthy'];

function waitCondition(query: Query, version: ApiVersion): WaitCondition {
  const value = differs.takesWaitCondition(version)
    ? (text(query, 'condition') ?? 'not-running')
    : 'not-running';
  const condition = CONDITIONS.find((known) => known === value);
  if (condition === undefined) throw invalidArgument(`invalid condition: ${JSON.stringify(value)}`);
  return condition;
}
