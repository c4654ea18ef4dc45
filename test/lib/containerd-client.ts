import { connect } from 'node:net';
import { createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';
import type { Transport } from '@connectrpc/connect';

const URL = 'http://containerd';

/** gRPC to a unix socket, in a namespace. */
export const containerdTransport = (path: string, namespace: string): Transport =>
  createGrpcTransport({
    baseUrl: URL,
    // What is idle for a moment is closed: a daemon's leftovers count.
    sessionManager: new Http2SessionManager(
      URL,
      { idleConnectionTimeoutMs: 50 },
      { createConnection: () => connect(path) },
    ),
    interceptors: [
      (next) => (request) => {
        request.header.set('containerd-namespace', namespace);
        return next(request);
      },
    ],
  });
