import { isIP } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import type { Tls } from '../connection/endpoint.ts';

/** A TLS connection, handed out before its handshake: what is written goes out behind it. */
export function connectTls(
  address: { readonly host: string; readonly port: number },
  { ca, cert, key, skipsVerify }: Tls,
): TLSSocket {
  return connect({
    ...address,
    // A name is asked for by name; an address can't be.
    servername: isIP(address.host) === 0 ? address.host : '',
    rejectUnauthorized: !skipsVerify,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  });
}
