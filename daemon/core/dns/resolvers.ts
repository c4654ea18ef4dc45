import { failpoint } from '../../../common/failpoints.ts';
import { closeDescriptor } from '../../../native/sys/socket.ts';
import { SyscallError } from '../../../native/ffi/syscall.ts';
import type { Log } from '../../../common/log.ts';
import type { FilesRequest, Networks } from '../networks/contract.ts';
import type { Names, Resolvers, ServedContainer } from './contract.ts';
import { startServer, type Server53 } from './server.ts';
import { fetchSockets } from './sockets.ts';

export interface ResolversOptions {
  readonly networks: () => Pick<
    Networks,
    'lookUp' | 'lookUpAddress' | 'outside' | 'sandboxOf' | 'hasResolver'
  >;
  /** What the container's client chose; undefined: it is not there any more. */
  readonly settingsOf: (
    containerId: string,
  ) => Pick<FilesRequest, 'dns' | 'dnsSearch' | 'dnsOptions'> | undefined;
  readonly log: () => Pick<Log, 'error'>;
}

interface State extends ResolversOptions {
  /** By container. */
  readonly serving: Map<string, Serving>;
  closed: boolean;
}

/** Of one run of a container. */
interface Serving {
  /** Undefined while its sockets are fetched. */
  server: Server53 | undefined;
}

/** The resolvers of contract.ts. */
export function createResolvers(options: ResolversOptions): Resolvers {
  const state: State = { ...options, serving: new Map(), closed: false };
  return {
    serve: async (container) => {
      try {
        await serve(state, container);
      } catch (error) {
        if (!hasEnded(error))
          options.log().error('A container has no DNS server', { container: container.id, error });
      }
    },
    release: (containerId) => {
      state.serving.get(containerId)?.server?.close();
      state.serving.delete(containerId);
    },
    close: () => {
      state.closed = true;
      for (const { server } of state.serving.values()) server?.close();
      state.serving.clear();
    },
  };
}

async function serve(state: State, { id, pid }: ServedContainer): Promise<void> {
  const { serving } = state;
  const networks = state.networks();
  const sandbox = networks.sandboxOf(id);
  if (state.closed || sandbox === undefined || !networks.hasResolver(sandbox) || serving.has(id)) return;
  const own: Serving = { server: undefined };
  serving.set(id, own);
  try {
    await failpoint('dns.serve');
    const sockets = await fetchSockets(pid);
    if (serving.get(id) !== own) {
      // It ended meanwhile.
      for (const fd of Object.values(sockets)) closeDescriptor(fd);
      return;
    }
    const onError = (error: unknown): void =>
      state.log().error('Cannot answer what a container asks for', { container: id, error });
    own.server = startServer({ ...sockets, names: namesOf(state, id), onError });
  } finally {
    if (own.server === undefined && serving.get(id) === own) serving.delete(id);
  }
}

/** The container's process is gone: nobody asks any more. */
const hasEnded = (error: unknown): boolean =>
  error instanceof SyscallError
    ? error.errnoName === 'ESRCH'
    : (error as NodeJS.ErrnoException).code === 'ENOENT';

/** The host's resolv.conf is read again after this time. */
const FRESH_MS = 1_000;

function namesOf({ networks: find, settingsOf }: State, id: string): Names {
  const networks = find();
  let read: { readonly atMs: number; readonly outside: ReturnType<Names['outside']> } | undefined;
  const outside: Names['outside'] = async () => {
    const [sandbox, settings] = [networks.sandboxOf(id), settingsOf(id)];
    if (sandbox === undefined || settings === undefined) return { servers: [], keepsWords: false };
    return networks.outside(sandbox, settings);
  };
  return {
    addressesOf: (name) => {
      const found = networks.lookUp(id, name);
      return found.length > 0 ? found : undefined;
    },
    nameOf: (address) => networks.lookUpAddress(id, address),
    outside: () => {
      const now = performance.now();
      if (read === undefined || now - read.atMs > FRESH_MS) read = { atMs: now, outside: outside() };
      return read.outside;
    },
  };
}
