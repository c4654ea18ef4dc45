import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { sendJsonText, type Door } from './door.ts';
import { errorBody, httpError } from './errors.ts';
import { commonHeaders } from './headers.ts';
import { hijackDoor } from './hijack/door.ts';
import { ApiMessage } from './hijack/message.ts';
import { hijackOf, routedUrl } from './paths.ts';
import { absentRoutes } from './routes/absent.ts';
import { archiveRoutes } from './routes/archives.ts';
import { containerControlRoutes } from './routes/container-control.ts';
import { containerRoutes } from './routes/containers.ts';
import { containerRunRoutes } from './routes/container-runs.ts';
import { copyRoutes } from './routes/copy.ts';
import { debugRoutes } from './routes/debug.ts';
import { diskRoutes } from './routes/disk.ts';
import { eventRoutes } from './routes/events.ts';
import { execRoutes } from './routes/execs.ts';
import { imageTransferRoutes } from './routes/image-transfers.ts';
import { imageRoutes } from './routes/images.ts';
import { logRoutes } from './routes/logs.ts';
import { networkRoutes } from './routes/networks.ts';
import { registryRoutes } from './routes/registries.ts';
import { statsRoutes } from './routes/stats.ts';
import { systemRoutes } from './routes/system.ts';
import { volumeRoutes } from './routes/volumes.ts';
import { wherryRoutes } from './routes/wherry.ts';
import { acceptVersion, versionOf, wantsPlainErrors, type ApiVersion } from './versions.ts';

declare module 'fastify' {
  interface FastifyRequest {
    apiVersion: ApiVersion;
  }
}

/** Docker's Engine API over one engine; it listens nowhere by itself. */
export interface DockerApi {
  /** For tests: `inject`. */
  readonly app: FastifyInstance;
  /** A further HTTP server of this API, not listening yet. */
  createServer(tls?: TlsOptions): Server | TlsServer;
  /** Takes no more requests, gives those under way a moment, then drops every connection but the ones that shims serve. */
  close(): Promise<void>;
}

type TlsOptions = Omit<Parameters<typeof createTlsServer>[0], keyof typeof SERVER_OPTIONS>;

export async function createDockerApi(door: Door): Promise<DockerApi> {
  const app = createApp(door);
  await app.ready();
  const hijack = hijackDoor(door);
  const servers: (Server | TlsServer)[] = [];
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    if (taken.has(request.socket)) request.socket.destroy();
    else app.routing(request, response);
  };
  return {
    app,
    createServer: (tls) => {
      const server =
        tls === undefined
          ? createServer(SERVER_OPTIONS, listener)
          : createTlsServer({ ...SERVER_OPTIONS, ...TLS_OPTIONS, ...tls }, listener).on(
              'tlsClientError',
              (_error, socket) => void socket.destroy(),
            );
      servers.push(server.on('upgrade', hijack));
      return server;
    },
    close: async () => {
      await Promise.all(servers.map((server) => closeServer(server)));
      await app.close();
    },
  };
}

/**
 * Connections whose bytes are a stream's now. Without an Upgrade header node's parser goes on in what came along with the request, and
 * would take a stream's bytes for a further request (CVE-2024-41110's class): such a connection is dropped.
 */
const taken = new WeakSet<object>();

const SERVER_OPTIONS = {
  IncomingMessage: ApiMessage,
  shouldUpgradeCallback: ({ method, url, socket }: Pick<IncomingMessage, 'method' | 'url' | 'socket'>) => {
    const hijacks = hijackOf(method, url) !== undefined;
    if (hijacks) taken.add(socket);
    return hijacks;
  },
  /** An upload takes as long as it takes, and a client may keep its connection: both are docker's. */
  requestTimeout: 0,
  keepAliveTimeout: 0,
};

/**
 * Half-open for the sake of streams whose client has said all. Who leaves before a handshake is done, or fails it, would keep its
 * socket for ever by that.
 */
const TLS_OPTIONS = { allowHalfOpen: true, handshakeTimeout: 10_000 };

const GRACE_MS = 500;
const READS: ReadonlySet<string> = new Set(['GET', 'HEAD']);

function closeServer(server: Server | TlsServer): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      server.closeAllConnections();
      resolve();
    }, GRACE_MS);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function createApp(door: Door): FastifyInstance {
  const app = fastify({
    logger: false,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: 4096, ignoreTrailingSlash: false },
    rewriteUrl: (request) => routedUrl(request.method ?? 'GET', request.url ?? '/'),
  });
  /** Bodies are read by the routes that want them, so that an archive is never held in memory. */
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
  app.decorateRequest('apiVersion', 0 as ApiVersion);
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers(commonHeaders);
    if (!request.is404) request.apiVersion = acceptVersion(versionOf(request.originalUrl));
    done();
  });
  app.addHook('onSend', async ({ method }) => {
    if (!READS.has(method)) door.engine.events.settle();
  });
  app.setErrorHandler((error, request, reply) => sendError(door, error, { request, reply }));
  app.setNotFoundHandler((_request, reply) => {
    void sendJsonText(reply.code(404), errorBody('page not found'));
  });
  systemRoutes(app, door);
  imageRoutes(app, door);
  imageTransferRoutes(app, door);
  archiveRoutes(app, door);
  copyRoutes(app, door);
  registryRoutes(app, door);
  diskRoutes(app, door);
  containerRoutes(app, door);
  containerRunRoutes(app, door);
  containerControlRoutes(app, door);
  statsRoutes(app, door);
  logRoutes(app, door);
  execRoutes(app, door);
  networkRoutes(app, door);
  volumeRoutes(app, door);
  eventRoutes(app, door);
  wherryRoutes(app, door);
  debugRoutes(app, door);
  absentRoutes(app);
  return app;
}

/** As Go's http.Error. */
const PLAIN = { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' };

function sendError(
  { ctx }: Door,
  error: unknown,
  { request, reply }: { request: FastifyRequest; reply: FastifyReply },
): FastifyReply {
  const { status, message } = httpError(error);
  if (status === 500)
    ctx.log.error('A request failed', { method: request.method, url: request.originalUrl, error });
  if (status === 304) return reply.code(304).send();
  if (wantsPlainErrors(versionOf(request.originalUrl))) {
    return reply.code(status).headers(PLAIN).send(`${message}\n`);
  }
  return sendJsonText(reply.code(status), errorBody(message));
}
