import assert from 'node:assert/strict';
import { createServer as createHttp2Server } from 'node:http2';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { test } from 'node:test';
import { askGrpc } from '../../../daemon/core/health/ask-grpc.ts';
import { serveHealth } from '../../lib/grpc-health.ts';

test('a server of gRPC: what it says of its services', async () => {
  const server = await serveHealth(0);
  const ask = (service: string): Promise<string> => askGrpc(connect(server.port, '127.0.0.1'), service);
  try {
    assert.equal(await ask(''), 'SERVING');
    assert.equal(await ask('a.Well'), 'SERVING');
    assert.equal(await ask('a.Ill'), 'NOT_SERVING');
    assert.equal(await ask('a.Unknown'), 'UNKNOWN');
    await assert.rejects(ask('a.Nobody'), { message: 'gRPC status 5: no a.Nobody' });
    const long = `a.${'x'.repeat(200)}`;
    await assert.rejects(ask(long), { message: `gRPC status 5: no ${long}` });
  } finally {
    server.close();
  }
});

const others: readonly (readonly [what: string, make: () => Server, message: RegExp])[] = [
  ['one that hangs up', () => createServer((socket) => void socket.destroy()), /closed|ECONNRESET|reset/i],
  [
    'one that speaks HTTP/1',
    () => createServer((socket) => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
    /./,
  ],
  [
    'a web server',
    () => createHttp2Server((_request, response) => void response.writeHead(404).end('no')),
    /^HTTP status 404$/,
  ],
  [
    'one that says nothing of gRPC',
    () => createHttp2Server((_request, response) => void response.end('fine')),
    /^an answer without a gRPC status$/,
  ],
  [
    'one without end',
    () => createHttp2Server((_request, response) => void response.write(Buffer.alloc(100_000))),
    /^an answer that is no HealthCheckResponse$/,
  ],
];

for (const [what, make, message] of others) {
  test(`${what} is not healthy`, async () => {
    const server = make();
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    try {
      await assert.rejects(askGrpc(socket, ''), { message });
    } finally {
      socket.destroy();
      server.close();
    }
  });
}
