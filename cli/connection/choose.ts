import { env } from 'node:process';
import { invalidArgument } from '../../common/errors.ts';
import type { GlobalFlags } from '../global-flags.ts';
import { DEFAULT_HOST } from '../http/address.ts';
import { DEFAULT_CONTEXT } from './docker-directory.ts';
import type { Endpoint } from './endpoint.ts';

/** Which daemon a call goes to, before it is known whether that can be reached. */
export interface Choice {
  /** Of docker's contexts: `default`, or one below `~/.docker/contexts`. */
  readonly context: string;
  /** Where the default context leads. */
  readonly defaultHost: string;
  /** Reads the files that belong to it. Throws `invalid-argument` for a context or a file that is not there. */
  endpoint(): Promise<Endpoint>;
}

/**
 * Docker's order: `--context`, `--host`, the environment's host, the environment's context, the one in use. Our own
 * WHERRY_HOST goes before DOCKER_HOST, so that both engines can be used side by side. Throws `invalid-argument` for flags
 * that contradict each other.
 */
export function chooseDaemon(flags: GlobalFlags, config: Readonly<Record<string, unknown>>): Choice {
  const { host, context } = flags.values;
  if (host.length > 1) throw invalidArgument('Specify only one -H');
  if (context !== '' && host.length > 0) {
    throw invalidArgument('conflicting options: cannot specify both --host and --context');
  }
  const defaultHost = host[0] || hostOfEnvironment() || DEFAULT_HOST;
  const name = context || (host.length > 0 || hostOfEnvironment() ? DEFAULT_CONTEXT : contextInUse(config));
  return {
    context: name,
    defaultHost,
    endpoint: async () => ({
      ...(await (name === DEFAULT_CONTEXT
        ? defaultEndpoint(flags, defaultHost)
        : contextEndpoint(name, defaultHost))),
      headers: headersOf(config),
    }),
  };
}

export const hostOfEnvironment = (): string | undefined =>
  env['WHERRY_HOST'] || env['DOCKER_HOST'] || undefined;

function contextInUse(config: Readonly<Record<string, unknown>>): string {
  const { currentContext } = config;
  const named = env['DOCKER_CONTEXT'] || (typeof currentContext === 'string' ? currentContext : '');
  return named || DEFAULT_CONTEXT;
}

/** Those that config.json wants with every request. Our own are not changed by them. */
function headersOf({ HttpHeaders }: Readonly<Record<string, unknown>>): Record<string, string> {
  if (typeof HttpHeaders !== 'object' || HttpHeaders === null) return {};
  return Object.fromEntries(
    Object.entries(HttpHeaders)
      .filter(([name, value]) => /^[\w-]+$/.test(name) && /^[^\r\n]*$/.test(String(value)))
      .filter(([name]) => !/^(host|user-agent|connection|upgrade|content-.*|transfer-.*)$/i.test(name))
      .map(([name, value]) => [name, String(value)]),
  );
}

async function defaultEndpoint(flags: GlobalFlags, host: string): Promise<Endpoint> {
  const verifies = flags.changed.has('tlsverify') ? flags.values.tlsverify : !!env['DOCKER_TLS_VERIFY'];
  const isWanted = flags.values.tls || !!env['DOCKER_TLS'] || flags.changed.has('tlsverify') || verifies;
  if (!isWanted) return { host };
  const { readTlsFiles } = await import('./tls-files.ts');
  return { host, tls: readTlsFiles(flags, !verifies) };
}

async function contextEndpoint(name: string, defaultHost: string): Promise<Endpoint> {
  const { endpointOf } = await import('../context/endpoint-of.ts');
  return endpointOf(name, defaultHost);
}
