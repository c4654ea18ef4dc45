import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { argv } from 'node:process';
import { Code, ConnectError } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import {
  Health,
  HealthCheckResponse_ServingStatus as Status,
} from '../../daemon/api/containerd/gen/grpc/health/v1/health_pb.ts';

/** What is said of each service; any other is not found. */
const SERVICES: Readonly<Record<string, Status>> = {
  '': Status.SERVING,
  'a.Well': Status.SERVING,
  'a.Ill': Status.NOT_SERVING,
  'a.Unknown': Status.UNKNOWN,
};

/** A server with grpc.health.v1; the port that it has. */
export async function serveHealth(port: number): Promise<{ readonly port: number; close(): void }> {
  const handler = connectNodeAdapter({
    routes: (router) =>
      router.service(Health, {
        check: ({ service }) => {
          const status = SERVICES[service];
          if (status === undefined) throw new ConnectError(`no ${service}`, Code.NotFound);
          return { status };
        },
      }),
  });
  const server = createServer(handler);
  await new Promise<void>((resolve) => void server.listen(port, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, close: () => void server.close() };
}

if (import.meta.main) {
  const { port } = await serveHealth(Number(argv[2]));
  process.stdout.write(`${port}\n`);
}
