import { mkdir, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';

/** A volume plugin over docker's protocol, as real ones are: a server on a unix socket, its volumes directories. */
export interface VolumePlugin extends AsyncDisposable {
  /** `VolumeDriver.Mount vol container`, in order. */
  readonly calls: string[];
  /** Methods that are never answered, and those that are refused, with their text. */
  readonly hang: Set<string>;
  readonly refuse: Map<string, string>;
  /** Who has which volume mounted. */
  readonly mounted: Map<string, Set<string>>;
}

interface Request {
  readonly Name?: string;
  readonly ID?: string;
}

export async function startVolumePlugin(socketPath: string, root: string): Promise<VolumePlugin> {
  const calls: string[] = [];
  const hang = new Set<string>();
  const refuse = new Map<string, string>();
  const mounted = new Map<string, Set<string>>();
  const volumes = new Set<string>();
  const show = (Name: string): object => ({
    Name,
    Mountpoint: mounted.get(Name)?.size ? join(root, Name) : '',
    Status: { kind: 'test' },
  });
  const known = (name: string): void => {
    if (!volumes.has(name)) throw new Error(`${name} is not there`);
  };
  const methods: Readonly<Record<string, (request: Required<Request>) => Promise<object>>> = {
    'Plugin.Activate': async () => ({ Implements: ['VolumeDriver'] }),
    'VolumeDriver.Capabilities': async () => ({ Capabilities: { Scope: 'global' } }),
    'VolumeDriver.Create': async ({ Name }) => {
      await mkdir(join(root, Name), { recursive: true });
      volumes.add(Name);
      return {};
    },
    'VolumeDriver.Get': async ({ Name }) => {
      known(Name);
      return { Volume: show(Name) };
    },
    'VolumeDriver.List': async () => ({ Volumes: [...volumes].map(show) }),
    'VolumeDriver.Mount': async ({ Name, ID }) => {
      known(Name);
      mounted.set(Name, (mounted.get(Name) ?? new Set()).add(ID));
      return { Mountpoint: join(root, Name) };
    },
    'VolumeDriver.Unmount': async ({ Name, ID }) => {
      mounted.get(Name)?.delete(ID);
      return {};
    },
    'VolumeDriver.Remove': async ({ Name }) => {
      known(Name);
      volumes.delete(Name);
      await rm(join(root, Name), { recursive: true });
      return {};
    },
  };
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const method = (request.url ?? '').slice(1);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = JSON.parse(Buffer.concat(chunks).toString() || '{}') as Request;
    calls.push([method, body.Name, body.ID].filter((word) => word !== undefined).join(' '));
    if (hang.has(method)) return;
    try {
      const refusal = refuse.get(method);
      if (refusal !== undefined) throw new Error(refusal);
      const answer = await methods[method]?.({ Name: body.Name ?? '', ID: body.ID ?? '' });
      response.end(JSON.stringify(answer ?? { Err: 'no such method' }));
    } catch (error) {
      response.statusCode = 500;
      response.end(JSON.stringify({ Err: (error as Error).message }));
    }
  };
  const server = createServer((request, response) => void serve(request, response));
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return {
    calls,
    hang,
    refuse,
    mounted,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
