import { bool, text, value } from '../../common/flags/flag.ts';
import { invalidArgument, messageOf } from '../../common/errors.ts';
import { DEFAULT_CONTEXT } from '../connection/docker-directory.ts';
import { readPem } from '../connection/tls-files.ts';
import { type ContextEndpoint, readContext, readTls, type TlsMaterial } from './store.ts';

/** Of `context create` and `context update`. */
export const endpointFlags = {
  description: text('Description of the context'),
  docker: value<Readonly<Record<string, string>>>({
    type: 'stringToString',
    help: 'Where the daemon is: host=, ca=, cert=, key=, skip-tls-verify=, from=',
    initial: {},
    shown: '[]',
    read: (given, before) => ({ ...before, ...readPairs(given) }),
  }),
};

/** Of `context create` alone. */
export const fromFlag = text('Make it from another context');
export const forceFlag = bool('Remove the context in use too', { short: 'f' });

const KEYS = new Set(['from', 'host', 'ca', 'cert', 'key', 'skip-tls-verify']);

function readPairs(given: string): Record<string, string> {
  return Object.fromEntries(
    given.split(',').map((pair) => {
      const cut = pair.indexOf('=');
      if (cut < 0) throw new Error(`${pair} must be formatted as key=value`);
      return [pair.slice(0, cut), pair.slice(cut + 1)] as const;
    }),
  );
}

/** An endpoint with the texts of its TLS files. */
export interface FullEndpoint {
  readonly endpoint: ContextEndpoint;
  readonly tls: TlsMaterial;
}

/**
 * What `--docker` says. Throws `invalid-argument` with docker's texts for an unknown key, an unreadable file, a context that
 * is not there.
 */
export function readEndpoint(given: Readonly<Record<string, string>>, defaultHost: string): FullEndpoint {
  const unknown = Object.keys(given).find((key) => !KEYS.has(key));
  if (unknown !== undefined) throw refusal(`unrecognized config key: ${unknown}`);
  const from = given['from'] ?? '';
  if (from !== '') return copyEndpoint(from, defaultHost);
  const tls = readFiles(given);
  const host = given['host'] ?? '';
  return {
    endpoint: { ...(host === '' ? {} : { Host: host }), SkipTLSVerify: readSkip(given['skip-tls-verify']) },
    tls: Object.fromEntries(Object.entries(tls).map(([name, pem]) => [`${name}.pem`, pem])),
  };
}

function readFiles(given: Readonly<Record<string, string>>): Readonly<Record<string, Buffer>> {
  try {
    return {
      ...readPem('ca', given['ca'] ?? ''),
      ...readPem('cert', given['cert'] ?? ''),
      ...readPem('key', given['key'] ?? ''),
    };
  } catch (error) {
    throw refusal(messageOf(error));
  }
}

function readSkip(given = ''): boolean {
  if (['', '0', 'f', 'F', 'false', 'False', 'FALSE'].includes(given)) return false;
  if (['1', 't', 'T', 'true', 'True', 'TRUE'].includes(given)) return true;
  throw refusal(`skip-tls-verify: strconv.ParseBool: parsing ${JSON.stringify(given)}: invalid syntax`);
}

/** The default context is copied as what it leads to now. */
export function copyEndpoint(name: string, defaultHost: string): FullEndpoint {
  if (name === DEFAULT_CONTEXT) return { endpoint: { Host: defaultHost, SkipTLSVerify: false }, tls: {} };
  return { endpoint: readContext(name).Endpoints['docker'] ?? {}, tls: readTls(name, 'docker') };
}

const refusal = (message: string): Error =>
  invalidArgument(`unable to create docker endpoint config: ${message}`);
