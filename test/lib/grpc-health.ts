import { argv } from 'node:process';
import { Server, ServerCredentials, status, type UntypedHandleCall } from '@grpc/grpc-js';

/** What is said of each service, as the byte of HealthCheckResponse; any other is not found. */
const SERVICES: Readonly<Record<string, Buffer>> = {
  '': Buffer.from([0x08, 1]),
  'a.Well': Buffer.from([0x08, 1]),
  'a.Ill': Buffer.from([0x08, 2]),
  'a.Unknown': Buffer.alloc(0),
};

const same = (bytes: Buffer): Buffer => bytes;

/** gRPC's own implementation with grpc.health.v1; the port that it has. */
export async function serveHealth(port: number): Promise<{ readonly port: number; close(): void }> {
  const server = new Server();
  const check: UntypedHandleCall = (
    { request }: { request: Buffer },
    answer: (error: object | null, value?: Buffer) => void,
  ) => {
    // A tag, and the length in one byte, or in two.
    const service = request.subarray((request[1] ?? 0) > 0x7f ? 3 : 2).toString();
    const known = SERVICES[service];
    if (known === undefined) answer({ code: status.NOT_FOUND, details: `no ${service}` });
    else answer(null, known);
  };
  const definition = {
    path: '/grpc.health.v1.Health/Check',
    requestStream: false,
    responseStream: false,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  } as const;
  server.addService({ Check: definition }, { Check: check });
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, chosen) => {
      if (error === null) resolve(chosen);
      else reject(error);
    });
  });
  return { port: bound, close: () => server.forceShutdown() };
}

if (import.meta.main) {
  const { port } = await serveHealth(Number(argv[2]));
  process.stdout.write(`${port}\n`);
}
