import { invalidArgument } from '../../common/errors.ts';

export const DEFAULT_HOST = 'unix:///var/run/wherry.sock';

/** Where the daemon listens. */
export type Address = { readonly path: string } | { readonly host: string; readonly port: number };

/** Reads `unix:///path` and `tcp://host:port`. Throws `invalid-argument` for anything else, TLS included. */
export function parseHost(text: string): Address {
  const [, scheme = '', rest = ''] = /^([a-z]+):\/\/(.*)$/.exec(text) ?? [];
  if (scheme === 'unix' && rest !== '') return { path: rest };
  const [, host = '', port = ''] = /^\[?([^/]*?)\]?:(\d+)\/?$/.exec(rest) ?? [];
  if (scheme === 'tcp' && host !== '') return { host, port: Number(port) };
  throw invalidArgument(
    `Cannot use "${text}" as host: it takes unix:///path/to/socket or tcp://host:port (without TLS)`,
  );
}
