import { connect } from 'node:net';
import { createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';
import type { Transport } from '@connectrpc/connect';

const URL = 'http://containerd';

/** gRPC to a unix socket, in a namespace, and in a lease unless that is empty. */
export const containerdTransport = (path: string, namespace: string, lease = ''): Transport =>
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
        if (lease !== '') request.header.set('containerd-lease', lease);
        return next(request);
      },
    ],
  });
