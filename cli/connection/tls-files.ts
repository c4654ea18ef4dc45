import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { env } from 'node:process';
import { invalidArgument, messageOf } from '../../common/errors.ts';
import type { GlobalFlags } from '../global-flags.ts';
import { configDirectory } from './docker-directory.ts';
import type { Tls } from './endpoint.ts';

/**
 * What `--tlscacert`, `--tlscert` and `--tlskey` name; by default the files in DOCKER_CERT_PATH or docker's directory, where a
 * certificate of one's own may be missing. Throws `invalid-argument` for one that can't be read.
 */
export function readTlsFiles({ values, changed }: GlobalFlags, skipsVerify: boolean): Tls {
  const directory = env['DOCKER_CERT_PATH'] || configDirectory();
  const own = (flag: 'tlscert' | 'tlskey', file: string): string => {
    if (changed.has(flag)) return values[flag];
    return existsSync(join(directory, file)) ? join(directory, file) : '';
  };
  const ca = changed.has('tlscacert') ? values.tlscacert : join(directory, 'ca.pem');
  return {
    ...readPem('ca', ca),
    ...readPem('cert', own('tlscert', 'cert.pem')),
    ...readPem('key', own('tlskey', 'key.pem')),
    skipsVerify,
  };
}

/** No path, no field. Throws `invalid-argument` with the texts of docker's client. */
export function readPem<Name extends string>(name: Name, path: string): { readonly [K in Name]?: Buffer } {
  if (path === '') return {};
  let pem: Buffer;
  try {
    pem = readFileSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? `open ${path}: no such file or directory` : messageOf(error);
    throw invalidArgument(why, { cause: error });
  }
  if (!pem.includes('-----BEGIN '))
    throw invalidArgument(`failed to retrieve context tls info: ${name}.pem seems invalid`);
  return { [name]: pem } as { [K in Name]: Buffer };
}
