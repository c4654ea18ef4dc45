import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execOk } from './process.ts';

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** A certificate authority in a directory, as files that openssl has made. */
export interface Authority {
  /** Path of its own certificate. */
  readonly ca: string;
  /** A certificate and its key; `purpose` as openssl's extendedKeyUsage has it. */
  issue(
    name: string,
    purpose: 'serverAuth' | 'clientAuth',
  ): Promise<{ readonly cert: string; readonly key: string }>;
}

export async function makeAuthority(directory: string, name = 'ca'): Promise<Authority> {
  const at = (file: string): string => join(directory, file);
  const [ca, caKey] = [at(`${name}.pem`), at(`${name}-key.pem`)];
  await execOk([
    'openssl',
    'req',
    '-x509',
    ...KEY,
    '-days',
    '2',
    '-subj',
    `/CN=${name}`,
    '-keyout',
    caKey,
    '-out',
    ca,
  ]);
  return {
    ca,
    issue: async (subject, purpose) => {
      const [cert, key] = [at(`${subject}.pem`), at(`${subject}-key.pem`)];
      const [request, extensions] = [at(`${subject}.csr`), at(`${subject}.ext`)];
      await writeFile(extensions, `extendedKeyUsage=${purpose}\nsubjectAltName=IP:127.0.0.1,DNS:localhost\n`);
      await execOk([
        'openssl',
        'req',
        '-new',
        ...KEY,
        '-subj',
        `/CN=${subject}`,
        '-keyout',
        key,
        '-out',
        request,
      ]);
      await execOk([
        ...[
          'openssl',
          'x509',
          '-req',
          '-in',
          request,
          '-CA',
          ca,
          '-CAkey',
          caKey,
          '-CAcreateserial',
          '-days',
          '2',
        ],
        ...['-extfile', extensions, '-out', cert],
      ]);
      return { cert, key };
    },
  };
}
