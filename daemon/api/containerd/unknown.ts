import { Code } from '@connectrpc/connect';
import type { Http2ServerResponse } from 'node:http2';
import { servedNames } from './services.ts';

/** Answers what we don't serve as gRPC servers do, in the response's head: a client takes it for an old server and goes on. */
export function refuseUnknown(
  { url = '' }: { readonly url?: string | undefined },
  response: Pick<Http2ServerResponse, 'stream'>,
): void {
  const [, service = '', method = ''] = url.split('/');
  const isName = /^\/.*\//.test(url);
  const message = !isName
    ? `malformed method name: ${JSON.stringify(url)}`
    : servedNames.has(service)
      ? `unknown method ${method} for service ${service}`
      : `unknown service ${service}`;
  const head = {
    ':status': 200,
    'content-type': 'application/grpc',
    'grpc-status': String(isName ? Code.Unimplemented : Code.ResourceExhausted),
    'grpc-message': message.replaceAll(/[^ -~]|%/g, encodeURIComponent),
  };
  response.stream.respond(head, { endStream: true });
}
