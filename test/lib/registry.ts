import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, createServer as createTcpServer, type AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { ended, eventually, start } from './process.ts';

export interface Registry {
  /** `127.0.0.1:1234`. */
  readonly host: string;
}

/** Debian's docker-registry; ends with the test. `configure` gives further lines of its configuration. */
export async function startRegistry(
  t: TestContext,
  configure: (work: string) => Promise<{ readonly lines?: readonly string[]; readonly http?: string }>,
): Promise<Registry> {
  const work = await mkdtemp('/tmp/registry-');
  t.after(() => rm(work, { recursive: true, force: true }));
  const { lines = [], http = '' } = await configure(work);
  const port = await freePort();
  const host = `127.0.0.1:${port}`;
  const own = [
    'version: 0.1',
    'log: {level: error}',
    `storage: {filesystem: {rootdirectory: ${work}/registry}}`,
    `http: {addr: "${host}"${http}}`,
  ];
  await writeFile(`${work}/config.yml`, [...own, ...lines].join('\n'));
  const child = start(['docker-registry', 'serve', `${work}/config.yml`], { stdio: 'ignore' });
  const end = ended(child);
  t.after(async () => {
    child.kill('SIGKILL');
    await end;
  });
  await eventually('the registry answers', () => listens(port));
  return { host };
}

export interface Front {
  readonly host: string;
  /** `GET /v2/a/blobs/sha256:... Bearer`: what was asked, with the scheme of what authorised it. */
  readonly asked: string[];
  /** Answers a request in the registry's place, or returns false. */
  decide: (request: IncomingMessage, answer: ServerResponse) => boolean;
}

/** Stands before a server, or for one; ends with the test. */
export async function startFront(t: TestContext, behind?: Registry): Promise<Front> {
  const server = createServer((incoming, answer) => {
    const { method = '', url = '', headers } = incoming;
    const scheme = headers.authorization?.split(' ', 1)[0] ?? '';
    front.asked.push(`${method} ${url.split('?', 1)[0] ?? ''} ${scheme}`.trimEnd());
    if (front.decide(incoming, answer)) {
      incoming.resume();
      return;
    }
    if (behind === undefined) {
      answer.writeHead(404).end();
      return;
    }
    const onwards = request(`http://${behind.host}${url}`, { method, headers }, (response) => {
      answer.writeHead(response.statusCode ?? 500, response.headers);
      response.pipe(answer);
    });
    onwards.on('error', () => answer.destroy());
    incoming.pipe(onwards);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  const front: Front = { host: `127.0.0.1:${port}`, asked: [], decide: () => false };
  return front;
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

async function freePort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
