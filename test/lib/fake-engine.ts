import type { Socket } from 'node:net';
import { fakeImageWork } from './fake-image-work.ts';
import { fakeVolumes } from './fake-volumes.ts';
import { conflict, notFound } from '../../common/errors.ts';
import type {
  AttachRequest,
  Container,
  ContainerState,
  CreateRequest,
  Engine,
  Exec,
} from '../../daemon/core/contract.ts';
import type { NetworkView } from '../../daemon/core/networks/types.ts';
import type { Image } from '../../image/images.ts';
import { ALL_LIMITS, exampleContainer, exampleEvent, exampleImage, hex } from './examples.ts';

/**
 * An engine that keeps everything in memory and runs nothing: attach and exec echo what the client sends, in frames unless
 * there is a tty, until the client half-closes.
 */
export interface FakeEngine extends Engine {
  /** Every call that changes something, with its arguments. */
  readonly calls: { readonly name: string; readonly args: readonly unknown[] }[];
  addContainer(name: string, change?: Partial<Container>): Container;
  addImage(change?: Partial<Image>): Image;
  /** Ends what `wait` waits for. */
  exit(code: number): void;
}

const merged = (request: CreateRequest): Container['config'] => ({ ...request, imageConfig: {} });

export const BRIDGE: NetworkView = {
  id: hex('b'),
  name: 'bridge',
  driver: 'bridge',
  createdAt: '2026-01-01T00:00:00.000000001Z',
  enableIPv4: true,
  enableIPv6: false,
  internal: false,
  attachable: false,
  ipam: [{ subnet: '172.17.0.0/16', ipRange: undefined, gateway: '172.17.0.1', auxAddresses: {} }],
  ipamOptions: undefined,
  labels: {},
  options: { 'com.docker.network.bridge.name': 'docker0' },
};

export function fakeEngine(): FakeEngine {
  const containers = new Map<string, Container>();
  const images: Image[] = [];
  const execs = new Map<string, Exec>();
  const calls: { name: string; args: readonly unknown[] }[] = [];
  const exits: ((code: number) => void)[] = [];
  const starts: (() => void)[] = [];
  const record = (name: string, ...args: readonly unknown[]) => void calls.push({ name, args });

  const get = (reference: string): Container => {
    const wanted = reference.replace(/^\//, '');
    for (const container of containers.values()) {
      if (container.name === wanted || container.id.startsWith(wanted)) return container;
    }
    throw notFound(`No such container: ${reference}`);
  };
  const getImage = (reference: string): Image => {
    const image = images.find(
      ({ id, tags }) =>
        id === reference ||
        tags.includes(reference) ||
        tags.includes(`${reference}:latest`) ||
        id.slice(7).startsWith(reference),
    );
    if (image === undefined)
      throw notFound(`No such image: ${reference.includes(':') ? reference : `${reference}:latest`}`);
    return image;
  };
  const setState = (reference: string, state: ContainerState): void => {
    const container = get(reference);
    containers.set(container.id, { ...container, state });
  };
  const add = (name: string, change: Partial<Container> = {}): Container => {
    const id = change.id ?? (containers.size + 1).toString(16).padStart(64, 'c');
    const container = { ...exampleContainer(), id, name, ...change };
    containers.set(id, container);
    return container;
  };

  return {
    calls,
    files: noFiles,
    explainPorts: async () => [],
    operations: { of: () => [], all: () => [] },
    addContainer: add,
    addImage: (change) => {
      const image = { ...exampleImage(), ...change };
      images.push(image);
      return image;
    },
    exit: (code) => {
      for (const resolve of exits.splice(0)) resolve(code);
    },
    images: {
      load: async (_ctx, archive, progress) => {
        let length = 0;
        for await (const chunk of archive) length += (chunk as Buffer).length;
        record('load', length);
        progress('Loaded image: busybox:latest\n');
        return images;
      },
      list: () => images,
      get: getImage,
      tag: async (_ctx, source, target) => record('tag', source, target),
      remove: async (_ctx, reference, options) => {
        record('remove-image', reference, options.force, options.users(exampleImage().id));
        return [{ untagged: reference }, { deleted: getImage(reference).id }];
      },
    },
    ...fakeImageWork(record),
    volumes: fakeVolumes(record),
    containers: {
      create: async (_ctx, request) => {
        record('create', request);
        getImage(request.image);
        const { id } = add(request.name ?? 'fake', { config: merged(request), imageName: request.image });
        return { id, warnings: [] };
      },
      edit: () => Promise.reject(new Error('The fake edits nothing')),
      plan: () => Promise.reject(new Error('The fake plans nothing')),
      list: () => [...containers.values()],
      get,
      start: async (_ctx, reference) => {
        record('start', reference);
        setState(reference, { kind: 'running', pid: 42, startedAt: new Date().toISOString() });
        for (const resolve of starts.splice(0)) resolve();
      },
      stop: async (_ctx, reference, options) => record('stop', reference, options),
      restart: async (_ctx, reference, options) => record('restart', reference, options),
      kill: async (_ctx, reference, signal) => {
        const { id, state } = get(reference);
        if (state.kind !== 'running') throw conflict(`container ${id} is not running`);
        record('kill', reference, signal);
      },
      pause: async (_ctx, reference) => record('pause', reference),
      unpause: async (_ctx, reference) => record('unpause', reference),
      top: async (_ctx, reference, psArguments) => {
        record('top', reference, psArguments);
        return { titles: ['PID', 'CMD'], rows: [['42', 'sleep 1000']] };
      },
      stats: async function* () {
        yield undefined;
      },
      sample: async () => undefined,
      update: async (_ctx, reference, change) => {
        record('update', reference, change);
        return [];
      },
      rename: async (_ctx, reference, name) => record('rename', reference, name),
      remove: async (_ctx, reference, options) => {
        record('remove', reference, options);
        containers.delete(get(reference).id);
      },
      resize: async (_ctx, reference, size) => record('resize', reference, size),
      wait: (_ctx, reference, condition) => {
        record('wait', reference, condition);
        return new Promise((resolve) => {
          exits.push((exitCode) => resolve({ exitCode, error: undefined }));
        });
      },
      attach: async (_ctx, reference, request) => {
        record('attach', reference, request.stdin, request.stdout, request.stderr, request.stream);
        // A real one reads nothing before the start either: what it says must not end before the client waits for the end.
        if (get(reference).state.kind === 'created')
          await new Promise<void>((resolve) => starts.push(resolve));
        await echo(request, get(reference).config.tty, () => {
          for (const resolve of exits.splice(0)) resolve(0);
        });
      },
      checkAttach: get,
      commit: async (_ctx, reference, request) => {
        record('commit', get(reference).id, request);
        return exampleImage().id;
      },
      export: async (_ctx, reference) => {
        record('export', get(reference).id);
        return archiveBytes();
      },
      changes: async (_ctx, reference) => {
        record('changes', get(reference).id);
        return [
          { path: '/etc', kind: 'modified' },
          { path: '/etc/new', kind: 'added' },
          { path: '/tmp/old', kind: 'deleted' },
        ];
      },
      logs: async function* (_ctx, _reference, request) {
        record('logs', request);
        if (request.stdout) yield { stream: 'stdout', data: Buffer.from('out\n') };
        if (request.stderr) yield { stream: 'stderr', data: Buffer.from('err\n') };
      },
    },
    execs: {
      create: async (_ctx, request) => {
        const { id: containerId, state } = get(request.container);
        if (state.kind !== 'running') throw conflict(`container ${containerId} is not running`);
        const id = (execs.size + 1).toString(16).padStart(64, 'e');
        execs.set(id, { id, containerId, request, state: { kind: 'created' } });
        record('exec-create', request);
        return id;
      },
      get: (id) => {
        const exec = execs.get(id);
        if (exec === undefined) throw notFound(`No such exec instance: ${id}`);
        return exec;
      },
      start: async (_ctx, id, options) => {
        record('exec-start', id, options.consoleSize);
        const exec = execs.get(id);
        if (exec === undefined) throw notFound(`No such exec instance: ${id}`);
        if (exec.request.cmd[0] === 'missing')
          throw notFound('exec: "missing": executable file not found in $PATH');
        const end = () => void execs.set(id, { ...exec, state: { kind: 'exited', exitCode: 3, pid: 7 } });
        if (options.client === undefined) end();
        else await echo(options.client, exec.request.tty, end);
      },
      resize: async (_ctx, id, size) => record('exec-resize', id, size),
    },
    networks: {
      list: () => [BRIDGE],
      get: (reference) => {
        if (reference === BRIDGE.name || BRIDGE.id.startsWith(reference)) return BRIDGE;
        throw notFound(`network ${reference} not found`);
      },
      create: async (_ctx, request) => {
        record('network-create', request);
        return { ...BRIDGE, name: request.name };
      },
      remove: async (_ctx, reference) => record('network-remove', reference),
      connect: async (_ctx, reference, request) => record('network-connect', reference, request),
      disconnect: async (_ctx, reference, request) => record('network-disconnect', reference, request),
      prune: async () => [],
      check: () => Promise.resolve([]),
      askReadiness: () => Promise.resolve(undefined),
      readinessOf: () => undefined,
      isUsed: () => true,
    },
    events: {
      publish: () => {},
      settle: () => {},
      subscribe: async function* (ctx, range) {
        record('subscribe', range);
        yield exampleEvent;
        yield {
          ...exampleEvent,
          type: 'network',
          action: 'connect',
          actorId: BRIDGE.id,
          attributes: { name: 'bridge' },
        };
        if (range.untilNs !== undefined) return;
        await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve));
      },
    },
    info: () => ({
      id: 'fake',
      name: 'host',
      dataRoot: '/var/lib/wherry',
      execRoot: '/run/wherry',
      kernelVersion: '6.18.0',
      operatingSystem: 'Debian GNU/Linux 12 (bookworm)',
      osVersion: '12',
      architecture: 'x86_64',
      cpus: 2,
      memoryBytes: 4_000_000_000,
      cgroupVersion: '1',
      limits: ALL_LIMITS,
      sizeLimits: { containers: 'loop', volumes: 'project' },
      ipv4Forwarding: true,
      goroutines: 1,
      initBinary: '/usr/lib/wherry/container-init',
      openFiles: 20,
      eventsListeners: 0,
      startedAt: '2026-01-01T00:00:00Z',
      runtimes: {},
      defaultRuntime: 'runc',
      labels: [],
      hasAppArmor: false,
      noNewPrivileges: false,
      ownCgroupNamespace: false,
    }),
  };
}

async function* archiveBytes(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('archive');
}

/** Sends everything back and ends when the client has said all it had to. */
async function echo(
  client: Pick<AttachRequest, 'socket' | 'head'>,
  tty: boolean,
  done: () => void,
): Promise<void> {
  const { socket, head } = client;
  const send = (data: Uint8Array) => sendFrame(socket, data, tty);
  resumeReading(socket);
  if (head.length > 0) send(head);
  for await (const chunk of socket) send(chunk as Buffer);
  done();
  socket.end();
}

/** The door stopped the handle itself, which the stream doesn't know. */
function resumeReading(socket: Socket): void {
  const { _handle: handle } = socket as unknown as {
    _handle: { reading: boolean; readStart(): number } | null;
  };
  if (handle === null) return;
  handle.reading = true;
  handle.readStart();
}

function sendFrame(socket: Socket, data: Uint8Array, tty: boolean): void {
  if (!tty) {
    const header = Buffer.alloc(8);
    header.writeUInt8(1, 0);
    header.writeUInt32BE(data.length, 4);
    socket.write(header);
  }
  socket.write(data);
}

/** The door's own tests touch no container's files. */
const noFiles: FakeEngine['files'] = {
  status: () => Promise.reject(notFound('no files here')),
  copyOut: () => Promise.reject(notFound('no files here')),
  copyIn: () => Promise.reject(notFound('no files here')),
};
