import { Agent, request } from 'node:http';

/** REST calls over a bounded number of kept connections, without the start of a client. */
export interface Client extends Disposable {
  call(method: string, path: string, body?: unknown): Promise<unknown>;
}

export function connectClient(socket: string, connections: number): Client {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const call = (method: string, path: string, body?: unknown): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const text = body === undefined ? undefined : JSON.stringify(body);
      const headers = text === undefined ? {} : { 'content-type': 'application/json' };
      const sent = request({ socketPath: socket, agent, method, path, headers }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('end', () => {
          const data = Buffer.concat(chunks).toString();
          if ((answer.statusCode ?? 500) >= 400)
            reject(new Error(`${method} ${path}: ${answer.statusCode} ${data}`));
          else resolve(data === '' ? undefined : JSON.parse(data));
        });
      });
      sent.on('error', reject);
      sent.end(text);
    });
  return { call, [Symbol.dispose]: () => agent.destroy() };
}

const CREATE = { Image: 'busybox', HostConfig: { NetworkMode: 'bridge' } };

export async function create(client: Client, cmd: readonly string[], host: object = {}): Promise<string> {
  const body = { ...CREATE, Cmd: cmd, HostConfig: { ...CREATE.HostConfig, ...host } };
  return ((await client.call('POST', '/containers/create', body)) as { Id: string }).Id;
}

/** One that only sleeps, with these TCP ports at the same ports of the host. */
export async function createPublishing(client: Client, ports: readonly number[]): Promise<string> {
  const named = <T>(value: (port: number) => T): Record<string, T> =>
    Object.fromEntries(ports.map((port) => [`${port}/tcp`, value(port)]));
  const body = {
    ...CREATE,
    Cmd: ['sleep', '1000'],
    ExposedPorts: named(() => ({})),
    HostConfig: { ...CREATE.HostConfig, PortBindings: named((port) => [{ HostPort: String(port) }]) },
  };
  return ((await client.call('POST', '/containers/create', body)) as { Id: string }).Id;
}

export const startContainer = (client: Client, id: string): Promise<unknown> =>
  client.call('POST', `/containers/${id}/start`);

export const remove = (client: Client, id: string): Promise<unknown> =>
  client.call('DELETE', `/containers/${id}?force=1`);

/** A whole short life: create, start, wait, delete. */
export async function life(client: Client): Promise<void> {
  const id = await create(client, ['true']);
  await startContainer(client, id);
  await client.call('POST', `/containers/${id}/wait`);
  await remove(client, id);
}
