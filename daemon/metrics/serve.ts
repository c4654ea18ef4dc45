import { createServer } from 'node:http';
import { once } from 'node:events';
import { internal } from '../../common/errors.ts';
import type { Metrics } from './metrics.ts';

/** Serves `GET /metrics` at `address:port`, as docker's `metrics-addr` does: nothing else is to be had there. */
export async function serveMetrics(address: string, metrics: Metrics): Promise<Disposable> {
  const server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url?.split('?', 1)[0] !== '/metrics') {
      response.writeHead(404).end('404 page not found\n');
      return;
    }
    metrics.text().then(
      (text) => response.writeHead(200, { 'content-type': metrics.contentType }).end(text),
      () => response.writeHead(500).end(),
    );
  });
  const [, host = '', port = ''] = /^\[?(.*?)\]?:(\d+)$/.exec(address) ?? [];
  server.listen({ port: Number(port), ...(host === '' ? {} : { host }) });
  try {
    await once(server, 'listening');
  } catch (error) {
    throw internal(
      `Cannot serve metrics at "${address}": ${(error as NodeJS.ErrnoException).code ?? String(error)}`,
      {
        cause: error,
      },
    );
  }
  return {
    [Symbol.dispose]: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
