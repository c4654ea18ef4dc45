import type { Ctx } from '../../common/ctx.ts';
import { codeOf, notFound } from '../../common/errors.ts';
import { asList, asObject, parseJson, type JsonObject } from '../json.ts';
import { parseReference } from '../reference.ts';
import type { RegistryClient, RegistryEndpoint, RegistryHosts, SearchResult } from './contract.ts';
import { hasAnswered } from './failures.ts';
import type { RegistryParts } from './login.ts';
import { openSession } from './session.ts';
import { readAll } from './transport.ts';

const MAX_SEARCH_BYTES = 8 << 20;
const HUB = 'docker.io';
const HUB_SEARCH: readonly RegistryEndpoint[] = [{ url: 'https://index.docker.io', mirror: false }];

/** The search of the hub, and of registries of docker's first kind. */
export async function searchFor(
  ctx: Ctx,
  { hosts, transport, tokens }: RegistryParts,
  { term, limit, credentials }: Parameters<RegistryClient['search']>[1],
): Promise<readonly SearchResult[]> {
  const { host, wanted } = searchPlace(term);
  let failure: unknown;
  for (const endpoint of await searchable(hosts, host)) {
    try {
      const url = new URL(`${endpoint.url}/v1/search`);
      url.searchParams.set('q', wanted);
      url.searchParams.set('n', String(limit));
      const session = openSession({ transport, tokens, endpoint, scopes: [], credentials });
      const answer = await session.send(ctx, { method: 'GET', url }, [200]);
      return resultsOf(String(await readAll(answer, MAX_SEARCH_BYTES)));
    } catch (error) {
      ctx.check();
      failure = error;
      if (hasAnswered(error, endpoint)) break;
    }
  }
  if (codeOf(failure) !== 'not-found') throw failure;
  throw notFound(`The registry "${host}" has no search`, { cause: failure });
}

async function searchable(hosts: RegistryHosts, host: string): Promise<readonly RegistryEndpoint[]> {
  if (host === HUB) return HUB_SEARCH;
  return (await hosts.endpoints(host)).filter(({ mirror }) => !mirror);
}

/** `registry.example.org/term` searches there, anything else the hub. */
function searchPlace(term: string): { readonly host: string; readonly wanted: string } {
  const slash = term.indexOf('/');
  if (slash === -1) return { host: HUB, wanted: term };
  const { name } = parseReference(`${term.slice(0, slash)}/x`);
  const host = name.slice(0, name.indexOf('/'));
  return host === HUB ? { host, wanted: term } : { host, wanted: term.slice(slash + 1) };
}

function resultsOf(text: string): SearchResult[] {
  const { results } = asObject(parseJson(text, 'search result'), 'search result');
  return asList(results, 'results').map((item) => resultOf(asObject(item, 'search result')));
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

const resultOf = (item: JsonObject): SearchResult => ({
  name: textOf(item['name']),
  description: textOf(item['description']),
  starCount: typeof item['star_count'] === 'number' ? item['star_count'] : 0,
  isOfficial: item['is_official'] === true,
  isAutomated: item['is_automated'] === true,
});
