import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { ended, eventually, execOk, start } from './process.ts';

export interface RegistryOptions {
  /** Asks for the name `user` and the password `secret`. */
  readonly auth?: boolean;
  /** With a certificate of its own authority, `certificates` has it. */
  readonly tls?: boolean;
}

export interface PushRegistry {
  /** `127.0.0.1:1234`. */
  readonly host: string;
  /** The test's own directory. */
  readonly work: string;
  /** As docker's `certs.d`. */
  readonly certificates: string;
  /** Serves the same content at the same address in another network namespace too. */
  readonly serveIn: (netnsPid: number) => Promise<void>;
}

/** Debian's docker-registry; ends with the test. */
export async function pushRegistry(t: TestContext, options: RegistryOptions = {}): Promise<PushRegistry> {
  const work = await mkdtemp('/tmp/push-');
  t.after(() => rm(work, { recursive: true, force: true }));
  const port = await freePort();
  const host = `127.0.0.1:${port}`;
  const certificates = join(work, 'certs.d');
  const config = join(work, 'config.yml');
  const lines = [
    'version: 0.1',
    'log: {level: error}',
    `storage: {filesystem: {rootdirectory: ${work}/registry}}`,
    `http: {addr: "${host}"${options.tls === true ? await tls({ work, certificates, host }) : ''}}`,
    ...(options.auth === true ? [await auth(work)] : []),
  ];
  await writeFile(config, lines.join('\n'));
  const serve = async (...enter: readonly string[]): Promise<void> => {
    const child = start([...enter, 'docker-registry', 'serve', config], { stdio: 'ignore' });
    // Asked for at once: whoever takes down the namespace ends it too.
    const end = ended(child);
    t.after(async () => {
      child.kill('SIGKILL');
      await end;
    });
    await eventually('the registry answers', () =>
      execOk([...enter, 'bash', '-c', `</dev/tcp/127.0.0.1/${port}`]).then(
        () => true,
        () => false,
      ),
    );
  };
  await serve();
  const serveIn = (pid: number): Promise<void> => serve('nsenter', `--net=/proc/${pid}/ns/net`, '--');
  return { host, work, certificates, serveIn };
}

async function tls(at: { work: string; certificates: string; host: string }): Promise<string> {
  const directory = join(at.certificates, at.host);
  await mkdir(directory, { recursive: true });
  await execOk([
    ...['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
    ...['-subj', '/CN=registry', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'],
    ...['-keyout', `${at.work}/host.key`, '-out', `${directory}/ca.crt`],
  ]);
  return `, tls: {certificate: "${directory}/ca.crt", key: "${at.work}/host.key"}`;
}

async function auth(work: string): Promise<string> {
  await execOk(['htpasswd', '-Bbc', '-C', '4', `${work}/htpasswd`, 'user', 'secret']);
  return `auth: {htpasswd: {realm: test, path: "${work}/htpasswd"}}`;
}

/** What becomes of one request: answered with a status, or cut behind so many bytes of its body. */
export type Fault = { readonly status: number } | { readonly cutAfterBytes: number };

export interface FaultyProxy {
  readonly host: string;
  /** `PUT /v2/a/manifests/1`, in order. */
  readonly asked: string[];
  /** Asked for each request. */
  decide: (method: string, path: string) => Fault | undefined;
}

/** Stands before a registry; ends with the test. */
export async function faultyProxy(t: TestContext, registry: PushRegistry): Promise<FaultyProxy> {
  const server = createServer((incoming, answer) => serve(incoming, answer));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const proxy: FaultyProxy = {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: [],
    decide: () => undefined,
  };
  const serve = (incoming: IncomingMessage, answer: ServerResponse): void => {
    const { method = '', url = '', headers } = incoming;
    const path = url.split('?', 1)[0] ?? '';
    proxy.asked.push(`${method} ${path}`);
    const fault = proxy.decide(method, path);
    if (fault !== undefined && 'status' in fault) {
      incoming.resume();
      answer.writeHead(fault.status).end();
      return;
    }
    const onwards = request(`http://${registry.host}${url}`, { method, headers }, (response) => {
      answer.writeHead(response.statusCode ?? 500, response.headers);
      response.pipe(answer);
    });
    onwards.on('error', () => answer.destroy());
    answer.on('close', () => onwards.destroy());
    let left = fault?.cutAfterBytes ?? Number.POSITIVE_INFINITY;
    incoming.on('data', (chunk: Buffer) => {
      onwards.write(chunk.subarray(0, left));
      left -= chunk.byteLength;
      if (left <= 0) incoming.socket.destroy();
    });
    incoming.on('end', () => onwards.end());
  };
  return proxy;
}

async function freePort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
