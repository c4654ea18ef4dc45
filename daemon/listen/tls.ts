import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { invalidArgument, messageOf } from '../../common/errors.ts';

/** docker's `tls`, `tlsverify`, `tlscacert`, `tlscert` and `tlskey`. */
export interface TlsConfig {
  /** Only clients with a certificate that `ca` has signed. */
  readonly verify: boolean;
  /** Paths of PEM files. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** For `https.createServer`. */
export interface TlsServerOptions {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca?: Buffer;
  readonly requestCert: boolean;
  readonly rejectUnauthorized: boolean;
  readonly minVersion: 'TLSv1.2';
}

/** Reads the files. Throws `invalid-argument` that names the file, or says that they don't belong together. */
export async function readTls({ verify, ca, cert, key }: TlsConfig): Promise<TlsServerOptions> {
  const options: TlsServerOptions = {
    cert: await readPem('tlscert', cert),
    key: await readPem('tlskey', key),
    ...(verify ? { ca: await readPem('tlscacert', ca) } : {}),
    requestCert: verify,
    rejectUnauthorized: verify,
    minVersion: 'TLSv1.2',
  };
  try {
    createSecureContext(options);
  } catch (error) {
    throw invalidArgument(`Cannot use the certificate "${cert}" with the key "${key}": ${messageOf(error)}`, {
      cause: error,
    });
  }
  return options;
}

async function readPem(option: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw invalidArgument(`Cannot read the file of the option "${option}": ${messageOf(error)}`, {
      cause: error,
    });
  }
}
