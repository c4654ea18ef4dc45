import type { Client } from '../command.ts';
import type { CreateBody } from './config.ts';

/** Fields of config.json and the variable of each, which is set in capitals and small. */
const VARIABLES = {
  httpProxy: 'HTTP_PROXY',
  httpsProxy: 'HTTPS_PROXY',
  noProxy: 'NO_PROXY',
  ftpProxy: 'FTP_PROXY',
  allProxy: 'ALL_PROXY',
} as const;

/**
 * The variables that config.json's `proxies` give to every container, for this daemon or else by `default`, in front of
 * those that were asked for; what was asked for stays.
 */
export function withProxies(body: CreateBody, { config, choice }: Client): CreateBody {
  const proxies = (config.content['proxies'] ?? {}) as Readonly<Record<string, Record<string, unknown>>>;
  const mine = proxies[choice.defaultHost] ?? proxies['default'];
  if (mine === undefined) return body;
  const asked = (body['Env'] ?? []) as readonly string[];
  const given = new Set(asked.map((variable) => variable.split('=', 1)[0]));
  const added = Object.entries(VARIABLES).flatMap(([field, name]) => {
    const value = mine[field];
    if (typeof value !== 'string' || value === '') return [];
    return [name, name.toLowerCase()].filter((each) => !given.has(each)).map((each) => `${each}=${value}`);
  });
  return { ...body, Env: [...added, ...asked] };
}
