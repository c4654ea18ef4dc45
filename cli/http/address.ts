import { invalidArgument } from '../../common/errors.ts';

export const DEFAULT_HOST = 'unix:///var/run/wherry.sock';

/** Where the daemon listens. */
export type Address = { readonly path: string } | { readonly host: string; readonly port: number };

const PLAIN_PORT = 2375;
const TLS_PORT = 2376;

/**
 * Reads `unix:///path`, `tcp://host:port` and what docker takes for it: no scheme, no host, no port (2375, with TLS 2376).
 * Throws `invalid-argument` for anything else; ssh is refused by name.
 */
export function parseHost(given: string, isTls = false): Address {
  const text = given.includes('://') ? given : `tcp://${given}`;
  const [, scheme = '', rest = ''] = /^([a-z]+):\/\/(.*)$/.exec(text) ?? [];
  if (scheme === 'unix' && rest !== '') return { path: rest };
  if (scheme === 'ssh') {
    throw invalidArgument(
      `Cannot connect to "${given}": wherry does not speak ssh (forward the socket with ssh -L instead)`,
    );
  }
  const [, bracketed, plain = '', port] = /^(?:\[([^\]]*)\]|([^/:]*))(?::(\d+))?\/?$/.exec(rest) ?? [];
  const isRead = /^(?:\[[^\]]*\]|[^/:]*)(?::\d+)?\/?$/.test(rest);
  if (scheme !== 'tcp' || !isRead || Number(port ?? 1) > 65_535) {
    throw invalidArgument(
      `Cannot use "${given}" as host: it takes unix:///path/to/socket or tcp://host:port`,
    );
  }
  return {
    host: bracketed ?? (plain || 'localhost'),
    port: Number(port ?? (isTls ? TLS_PORT : PLAIN_PORT)),
  };
}
