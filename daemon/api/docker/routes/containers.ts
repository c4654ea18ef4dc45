import type { FastifyInstance, FastifyRequest } from 'fastify';
import { notImplemented, WherryError } from '../../../../common/errors.ts';
import { jsonText } from '../body.ts';
import { nameOf, sendJson, sendNothing, type Door, type Named } from '../door.ts';
import { flag, text, type Query } from '../query.ts';
import { listContainers } from '../list-containers.ts';
import { inspectContainer } from '../convert/container.ts';
import { showOperations } from '../convert/operations.ts';
import { readCreateBody } from '../wire/create.ts';
import { warningsOf } from '../convert/host-forms.ts';
import { showPlan } from '../convert/plan.ts';
import { GO_ARCH } from '../convert/system.ts';
import type { CreateRequest } from '../../../core/contract.ts';
import { clientCtx } from '../stream.ts';
import { toCreateRequest } from '../convert/to-create.ts';

type Asked = Named & { Querystring: Query };
type Plain = { Querystring: Query };

/** What a container is: create, list, inspect, rename, delete. */
export function containerRoutes(app: FastifyInstance, door: Door): void {
  const { containers } = door.engine;

  app.post<Plain>('/containers/create', async (request, reply) => {
    const { asked, warnings } = await readCreate(door, request);
    const created = await containers.create(door.ctx, asked);
    return sendJson(reply, { Id: created.id, Warnings: [...created.warnings, ...warnings] }, 201);
  });

  /** The same request, and nothing is made. `pull=always` and `pull=missing`: a missing image would be pulled. */
  app.post<Plain>('/wherry/containers/plan', async (request, reply) => {
    const { asked, warnings } = await readCreate(door, request);
    const pulls = ['always', 'missing'].includes(text(request.query, 'pull') ?? '');
    const plan = await containers.plan(clientCtx(reply, door.ctx), { request: asked, pulls });
    return sendJson(reply, showPlan(plan, warnings));
  });

  app.get<{ Querystring: Query }>('/containers/json', async (request, reply) =>
    sendJson(reply, await listContainers(door, request.query)),
  );

  app.get<Asked>('/containers/:name/json', async (request, reply) => {
    const container = containers.get(nameOf(request));
    const size = flag(request.query, 'size')
      ? await door.engine.storage.sizeOf(door.ctx, container)
      : undefined;
    return sendJson(reply, {
      ...inspectContainer(container, networkIds(door), size),
      ...showOperations(door.engine.operations.of(container.id)),
    });
  });

  app.post<Asked>('/containers/:name/rename', async (request, reply) => {
    await containers.rename(door.ctx, nameOf(request), text(request.query, 'name') ?? '');
    return sendNothing(reply);
  });

  app.delete<Asked>('/containers/:name', async (request, reply) => {
    if (flag(request.query, 'link')) throw notImplemented('Removing a link is not supported');
    await containers.remove(door.ctx, nameOf(request), {
      force: flag(request.query, 'force'),
      volumes: flag(request.query, 'v'),
    });
    return sendNothing(reply);
  });
}

/** What a client asks create for. Throws what the API refuses before the engine sees it. */
async function readCreate(
  { defaults }: Door,
  request: FastifyRequest<Plain>,
): Promise<{ readonly asked: CreateRequest; readonly warnings: readonly string[] }> {
  checkPlatform(text(request.query, 'platform'));
  const body = readCreateBody(await jsonText(request.raw));
  const client = { version: request.apiVersion, defaults };
  return {
    asked: toCreateRequest(body, text(request.query, 'name'), client),
    warnings: warningsOf(body.HostConfig ?? {}),
  };
}

/** Looks up a network's id by the name in a container's network mode; unknown networks have none. */
export function networkIds({ engine }: Door): (name: string) => string {
  const known = new Map(engine.networks.list().map(({ name, id }) => [name, id]));
  return (name) => known.get(name) ?? '';
}

function checkPlatform(platform: string | undefined): void {
  if (platform === undefined) return;
  const [os, arch] = platform.includes('/') ? platform.split('/') : ['linux', platform];
  if (os !== 'linux' || (arch !== GO_ARCH && arch !== 'linux')) {
    throw new WherryError(
      'not-implemented',
      `Platform "${platform}" is not supported: this host runs linux/${GO_ARCH}`,
    );
  }
}
