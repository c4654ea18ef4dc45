import { invalidArgument, messageOf } from '../../common/errors.ts';
import type { Endpoint } from '../connection/endpoint.ts';
import { readContext, readTls } from './store.ts';

/** Where a context's daemon is. Throws `invalid-argument` with docker's text for one that is not there. */
export function endpointOf(name: string, defaultHost: string): Endpoint {
  try {
    const { Host, SkipTLSVerify = false } = readContext(name).Endpoints['docker'] ?? {};
    const files = readTls(name, 'docker');
    const hasTls = SkipTLSVerify || Object.keys(files).length > 0;
    return {
      host: Host || defaultHost,
      ...(hasTls ? { tls: { ...pemsOf(files), skipsVerify: SkipTLSVerify } } : {}),
    };
  } catch (error) {
    throw invalidArgument(`Failed to initialize: unable to resolve docker endpoint: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

const pemsOf = (files: Readonly<Record<string, Buffer>>): Readonly<Record<string, Buffer>> =>
  Object.fromEntries(Object.entries(files).map(([file, pem]) => [file.replace(/\.pem$/, ''), pem]));
