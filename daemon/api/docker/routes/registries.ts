import type { FastifyInstance } from 'fastify';
import { invalidArgument, WherryError } from '../../../../common/errors.ts';
import { isDigest } from '../../../../image/digest.ts';
import { parseAnyReference } from '../../../../image/reference.ts';
import type { RemoteImage } from '../../../../image/transfers.ts';
import type { SearchResult } from '../../../../image/registry/contract.ts';
import { jsonText } from '../body.ts';
import { nameOf, sendJson, type Door, type Named } from '../door.ts';
import { parseFilters, type Filters } from '../filters.ts';
import { integer, text, type Query } from '../query.ts';
import { registryAuth, toCredentials } from '../registry-auth.ts';
import { failingAs, loginFailure, registryFailure } from '../registry-failure.ts';
import { clientCtx } from '../stream.ts';
import { readAuthBody } from '../wire/auth.ts';

/** Where `login` without a server goes. */
const HUB = 'https://index.docker.io/v1/';
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
    const search = transfers.search(clientCtx(reply, door.ctx), {
      term: text(request.query, 'term') ?? '',
      limit: limit === 0 ? DEFAULT_RESULTS : limit,
      credentials: registryAuth(request),
    });
    const found = await failingAs(registryFailure, search);
    return sendJson(reply, found.filter(wanted).map(showResult));
  });

  app.post('/auth', async (request, reply) => {
    const body = readAuthBody(await jsonText(request.raw));
    const credentials = toCredentials(body) ?? { username: '', password: '' };
    const host = body.serveraddress || HUB;
    const login = transfers.login(clientCtx(reply, door.ctx), host, credentials);
    const { identityToken } = await failingAs(loginFailure, login);
    return sendJson(reply, { IdentityToken: identityToken, Status: 'Login Succeeded' });
  });

  app.get<Named>('/distribution/:name/json', async (request, reply) => {
    const name = nameOf(request);
    if (isDigest(name) || parseAnyReference(name).kind === 'id')
      throw new WherryError('internal', 'no manifest found for full image ID');
    const asked = transfers.inspect(clientCtx(reply, door.ctx), name, registryAuth(request));
    const remote = await failingAs(registryFailure, asked);
    return sendJson(reply, showRemote(remote));
  });
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
