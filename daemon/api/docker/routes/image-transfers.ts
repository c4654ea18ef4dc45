import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { invalidArgument, WherryError } from '../../../../common/errors.ts';
import { complete, familiar, parseReference } from '../../../../image/reference.ts';
import { nameOf, type Door, type Named } from '../door.ts';
import { fetchSource, metered, sourceUrl } from '../fetch-source.ts';
import { platformJson, platformText } from '../platform.ts';
import { showProgress, streamProgress } from '../progress.ts';
import { text, texts, type Query } from '../query.ts';
import { registryAuth } from '../registry-auth.ts';
import { failingAs, pullFailure } from '../registry-failure.ts';
import { clientCtx } from '../stream.ts';
import { differs } from '../versions.ts';

type Asked = Named & { Querystring: Query };
type Created = { Querystring: Query };

/** What moves images between this store and somewhere else, with docker's progress stream: pull, import, push. */
export function imageTransferRoutes(app: FastifyInstance, door: Door): void {
  app.post<Created>('/images/create', (request, reply) =>
    text(request.query, 'fromImage') === undefined
      ? importImage(door, request, reply)
      : pull(door, request, reply),
  );

  app.post<Asked>('/images/:name/push', (request, reply) => {
    const tag = text(request.query, 'tag');
    const reference = joined(nameOf(request), tag);
    const platform = differs.takesPushPlatform(request.apiVersion) ? platformJson(request.query) : undefined;
    const ctx = clientCtx(reply, door.ctx);
    return streamProgress(reply, ctx, async (send) => {
      const asked = { reference, allTags: !isExact(reference), platform, credentials: registryAuth(request) };
      await door.engine.transfers.push(ctx, asked, (message) => send(showProgress(message)));
    });
  });
}

async function pull(
  door: Door,
  request: FastifyRequest<Created>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { query, apiVersion } = request;
  // `pull -a` of old clients ends the name with a colon.
  const name = (text(query, 'fromImage') ?? '').replace(/:$/, '');
  const reference = joined(name, text(query, 'tag'));
  if (parseReference(reference).name === 'docker.io/library/scratch') {
    throw new WherryError('permission-denied', "'scratch' is a reserved name");
  }
  const platform = differs.takesPullPlatform(apiVersion) ? platformText(query) : undefined;
  const ctx = clientCtx(reply, door.ctx);
  return streamProgress(reply, ctx, async (send) => {
    const asked = { reference, allTags: !isExact(reference), platform, credentials: registryAuth(request) };
    const pulled = door.engine.transfers.pull(ctx, asked, (message) => send(showProgress(message)));
    await failingAs(pullFailure, pulled);
  });
}

async function importImage(
  door: Door,
  request: FastifyRequest<Created>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { query } = request;
  const source = text(query, 'fromSrc');
  if (source === undefined) throw invalidArgument('either fromImage or fromSrc must be given');
  const url = source === '-' ? undefined : sourceUrl(source);
  const repository = text(query, 'repo');
  const reference = repository === undefined ? undefined : joined(repository, text(query, 'tag'));
  const asked = {
    reference: reference === undefined ? undefined : familiar(parseTagged(reference)),
    message: text(query, 'message') ?? `Imported from ${source}`,
    changes: texts(query, 'changes'),
    platform: differs.takesPullPlatform(request.apiVersion) ? platformText(query) : undefined,
  };
  const ctx = clientCtx(reply, door.ctx);
  return streamProgress(reply, ctx, async (send) => {
    const found = url === undefined ? undefined : await fetchSource(ctx, url);
    if (url !== undefined) send({ status: `Downloading from ${url.href}` });
    const archive =
      found === undefined
        ? request.raw
        : Readable.from(
            metered(found, (progressDetail) => send(showProgress({ status: 'Importing', progressDetail }))),
            { objectMode: false },
          );
    send({ status: await door.engine.archives.importRoot(ctx, archive, asked) });
  });
}

/** A name for a new image: with a tag, never with a digest. */
export function parseTagged(reference: string): ReturnType<typeof parseReference> {
  const parsed = parseReference(reference);
  if (parsed.digest !== undefined) throw invalidArgument('cannot import digest reference');
  return { ...parsed, tag: parsed.tag ?? 'latest' };
}

/** `tag` may be a digest; it takes the place of one in the name. Throws `invalid-argument` for what is no name. */
function joined(name: string, tag: string | undefined): string {
  const parsed = parseReference(name);
  if (tag === undefined) return name;
  const bare = complete({ ...parsed, tag: undefined, digest: undefined });
  return familiar(parseReference(`${bare}${tag.includes(':') ? '@' : ':'}${tag}`));
}

/** A name alone stands for all tags of its repository, as docker has it: clients add `latest`. */
function isExact(reference: string): boolean {
  const { tag, digest } = parseReference(reference);
  return tag !== undefined || digest !== undefined;
}
