import type { FastifyInstance } from 'fastify';
import { codeOf, invalidArgument, messageOf, WherryError } from '../../../../common/errors.ts';
import { isDigest } from '../../../../image/digest.ts';
import { parseAnyReference } from '../../../../image/reference.ts';
import type { RemoteImage } from '../../../../image/transfers.ts';
import type { SearchResult } from '../../../../image/registry/contract.ts';
import { jsonText } from '../body.ts';
import { nameOf, sendJson, type Door, type Named } from '../door.ts';
import { parseFilters, type Filters } from '../filters.ts';
import { integer, text, type Query } from '../query.ts';
import { registryAuth, toCredentials } from '../registry-auth.ts';
import { clientCtx } from '../stream.ts';
import { readAuthBody } from '../wire/auth.ts';

const MAX_RESULTS = 100;
const DEFAULT_RESULTS = 25;

/** What is asked of a registry without moving an image: search, log in, look at a manifest. */
export function registryRoutes(app: FastifyInstance, door: Door): void {
  const { transfers } = door.engine;

  app.get<{ Querystring: Query }>('/images/search', async (request, reply) => {
    const filters = parseFilters(text(request.query, 'filters'), ['is-automated', 'is-official', 'stars']);
    const limit = integer(request.query, 'limit') ?? DEFAULT_RESULTS;
    if (limit < 0 || limit > MAX_RESULTS) {
      throw invalidArgument(`limit ${limit} is outside the range of [1, ${MAX_RESULTS}]`);
    }
    const wanted = searchFilter(filters);
    const found = await transfers.search(clientCtx(reply, door.ctx), {
      term: text(request.query, 'term') ?? '',
      limit: limit === 0 ? DEFAULT_RESULTS : limit,
      credentials: registryAuth(request),
    });
    return sendJson(reply, found.filter(wanted).map(showResult));
  });

  app.post('/auth', async (request, reply) => {
    const body = readAuthBody(await jsonText(request.raw));
    const credentials = toCredentials(body) ?? { username: '', password: '' };
    const host = body.serveraddress ?? '';
    const { identityToken } = await transfers
      .login(clientCtx(reply, door.ctx), host, credentials)
      .catch((error: unknown) => {
        throw loginFailure(error);
      });
    return sendJson(reply, {
      Status: 'Login Succeeded',
      ...(identityToken === '' ? {} : { IdentityToken: identityToken }),
    });
  });

  app.get<Named>('/distribution/:name/json', async (request, reply) => {
    const name = nameOf(request);
    if (isDigest(name) || parseAnyReference(name).kind === 'id')
      throw new WherryError('internal', 'no manifest found for full image ID');
    const remote = await transfers.inspect(clientCtx(reply, door.ctx), name, registryAuth(request));
    return sendJson(reply, showRemote(remote));
  });
}

/** Docker answers 401 for whatever a registry does not let in. */
function loginFailure(error: unknown): unknown {
  if (codeOf(error) !== 'permission-denied' || /unauthorized/i.test(messageOf(error))) return error;
  return new WherryError('permission-denied', `unauthorized: ${messageOf(error)}`, { cause: error });
}

function searchFilter(filters: Filters): (result: SearchResult) => boolean {
  const [official, automated] = [filters.truth('is-official'), filters.truth('is-automated')];
  const stars = filters.values('stars').map((value) => {
    if (!/^\d+$/.test(value)) throw invalidArgument(`invalid filter 'stars=${value}'`);
    return Number(value);
  });
  return (result) =>
    (official === undefined || result.isOfficial === official) &&
    (automated === undefined || result.isAutomated === automated) &&
    stars.every((least) => result.starCount >= least);
}

const showResult = (result: SearchResult): object => ({
  star_count: result.starCount,
  is_official: result.isOfficial,
  name: result.name,
  is_automated: result.isAutomated,
  description: result.description,
});

function showRemote({ descriptor, platforms }: RemoteImage): object {
  const { mediaType, digest, size, annotations } = descriptor;
  return {
    Descriptor: { mediaType, digest, size, ...(annotations === undefined ? {} : { annotations }) },
    Platforms: platforms.map(({ architecture, os, variant }) => ({
      architecture,
      os,
      ...(variant === undefined ? {} : { variant }),
    })),
  };
}
