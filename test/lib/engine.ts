import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { env, execPath } from 'node:process';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { makeCtx, type Ctx } from '../../common/ctx.ts';
import type { Log } from '../../common/log.ts';
import { openDatabase } from '../../common/sqlite.ts';
import type { CreateRequest, Event, HostOptions, LogsRequest } from '../../daemon/core/contract.ts';
import { openEngine, type OpenEngine } from '../../daemon/core/engine.ts';
import { createEventBus } from '../../daemon/core/events/bus.ts';
import { NETWORK_DEFAULTS } from '../../daemon/core/networks/contract.ts';
import { openNetworks } from '../../daemon/core/networks/networks.ts';
import { ENGINE_DEFAULTS } from '../../daemon/core/options.ts';
import { openImageStore } from '../../image/store.ts';
import type { ShimLauncher } from '../../shim/contract.ts';
import { createShimLauncher } from '../../shim/launcher.ts';
import { busyboxArchive } from './busybox.ts';
import { exampleRequest } from './examples.ts';
import { cgroupsBelow, removeCgroups } from './owned.ts';
import { exec } from './process.ts';
import { requires } from './requires.ts';

/** A real engine in this process: real overlay, namespaces, shims, cgroups; busybox is loaded. */
export interface TestEngine {
  readonly engine: OpenEngine;
  readonly ctx: Ctx;
  readonly directory: string;
  /** Errors that were logged. */
  readonly errors: string[];
  readonly events: Event[];
  /** Creates; the program runs without network unless asked otherwise. */
  create(
    cmd: readonly string[],
    request?: Partial<CreateRequest>,
    host?: Partial<HostOptions>,
  ): Promise<string>;
  /** Creates, starts and waits for the exit; returns code and output. */
  run(
    cmd: readonly string[],
    request?: Partial<CreateRequest>,
    host?: Partial<HostOptions>,
  ): Promise<{ id: string; exitCode: number; output: string }>;
  /** All that was logged, both streams in order. */
  output(id: string, request?: Partial<LogsRequest>): Promise<string>;
  /** Lets go as a daemon that dies, and opens anew on the same roots. */
  reopen(): Promise<void>;
  /** Cgroups, shim directories, snapshots and netns links that are there. */
  leftovers(): Promise<string[]>;
}

export interface EngineStoryOptions {
  readonly launcher?: (real: ShimLauncher) => ShimLauncher;
}

export type EngineStories = Readonly<Record<string, (place: TestEngine) => Promise<void>>>;

/** Each story is a test, in a process of its own behind `unshare --net`. */
export async function engineStories(
  moduleUrl: string,
  stories: EngineStories,
  options: EngineStoryOptions = {},
): Promise<void> {
  const chosen = env['WHERRY_STORY'];
  if (chosen !== undefined) return tell(stories[chosen], options);
  for (const name of Object.keys(stories)) {
    test(name, requires('root', 'unshare', 'busybox', 'overlay', 'nftables'), async () => {
      const argv = ['unshare', '--net', execPath, fileURLToPath(moduleUrl)];
      const { code, stdout, stderr } = await exec(argv, { env: { ...env, WHERRY_STORY: name } });
      assert.equal(code, 0, `${stdout}${stderr}`);
    });
  }
}

async function tell(story: EngineStories[string] | undefined, options: EngineStoryOptions): Promise<void> {
  assert.ok(story !== undefined, `There is no story ${env['WHERRY_STORY']}`);
  const directory = await mkdtemp('/tmp/we-');
  const cgroupParent = `/wherry-test-${directory.slice('/tmp/we-'.length)}`;
  const place = await openPlace(directory, cgroupParent, options);
  try {
    await story(place);
  } catch (error) {
    // Said at once: clearing away may fail for the same reason.
    console.error(error);
    throw error;
  } finally {
    for (const { id } of place.engine.containers.list()) {
      await place.engine.containers
        .remove(place.ctx, id, { force: true, volumes: true })
        .catch((error: unknown) => console.error(error));
    }
    await place.close();
    await removeCgroups(cgroupParent);
    await rm(directory, { recursive: true, force: true });
  }
}

async function openPlace(
  directory: string,
  cgroupParent: string,
  options: EngineStoryOptions,
): Promise<TestEngine & { close(): Promise<void> }> {
  const errors: string[] = [];
  const ctx = makeCtx(recordingLog(errors));
  const events: Event[] = [];
  // One of a process: its spawner is a thread.
  const real = createShimLauncher();
  const launcher = options.launcher?.(real) ?? real;
  let parts = await openParts(ctx, { directory, cgroupParent, events, launcher });
  await parts.engine.images.load(ctx, Readable.from([await busyboxArchive()]), () => {});

  const create: TestEngine['create'] = async (cmd, request = {}, host = {}) => {
    const example = exampleRequest();
    const { id } = await parts.engine.containers.create(ctx, {
      ...example,
      name: undefined,
      hostname: '',
      env: [],
      labels: {},
      cmd,
      networks: {},
      ...request,
      host: { ...example.host, networkMode: 'none', ...host },
    });
    return id;
  };
  const output: TestEngine['output'] = async (id, request = {}) => {
    const all = { stdout: true, stderr: true, follow: false, timestamps: false, details: false };
    const none = { tail: undefined, sinceNs: undefined, untilNs: undefined };
    let text = '';
    for await (const { data } of parts.engine.containers.logs(ctx, id, { ...all, ...none, ...request })) {
      text += Buffer.from(data).toString();
    }
    return text;
  };
  return {
    get engine() {
      return parts.engine;
    },
    ctx,
    directory,
    errors,
    events,
    create,
    output,
    run: async (cmd, request, host) => {
      const id = await create(cmd, request, host);
      const exited = parts.engine.containers.wait(ctx, id, 'next-exit');
      await parts.engine.containers.start(ctx, id);
      const { exitCode } = await exited;
      return { id, exitCode, output: await output(id) };
    },
    reopen: async () => {
      await parts.close();
      parts = await openParts(ctx, { directory, cgroupParent, events, launcher });
    },
    leftovers: async () => {
      const below = (name: string): Promise<string[]> => readNames(join(directory, name));
      const found = await Promise.all([
        cgroupsBelow(cgroupParent),
        below('r/shims'),
        below('r/netns'),
        below('d/containers'),
      ]);
      const snapshots = parts.store.snapshots.keys();
      return [...found.flat().filter((path) => !path.endsWith(cgroupParent)), ...snapshots];
    },
    close: () => parts.close(),
  };
}

const readNames = async (directory: string): Promise<string[]> => {
  const { readdir } = await import('node:fs/promises');
  return (await readdir(directory)).map((name) => join(directory, name));
};

interface Where {
  readonly directory: string;
  readonly cgroupParent: string;
  readonly events: Event[];
  readonly launcher: ShimLauncher;
}

async function openParts(ctx: Ctx, { directory, cgroupParent, events, launcher }: Where) {
  const { mkdir } = await import('node:fs/promises');
  const dirs = { dataRoot: join(directory, 'd'), execRoot: join(directory, 'r') };
  await Promise.all(Object.values(dirs).map((path) => mkdir(path, { recursive: true })));
  const db = openDatabase(join(dirs.dataRoot, 'meta.db'));
  const bus = createEventBus();
  const listening = new AbortController();
  void (async () => {
    const range = { sinceNs: undefined, untilNs: undefined };
    for await (const event of bus.subscribe(makeCtx(ctx.log, listening.signal), range)) events.push(event);
  })();
  const store = await openImageStore({ dataRoot: dirs.dataRoot, db, log: ctx.log });
  const engine = await openEngine({
    ctx,
    db,
    dirs,
    config: { ...ENGINE_DEFAULTS, id: 'test', cgroupParent },
    launcher,
    images: store.images,
    transfers: store.transfers,
    archives: store.archives,
    disk: store.disk,
    snapshots: store.snapshots,
    loops: store.loops,
    namespaced: store.namespaced,
    networks: openNetworks({ db, config: NETWORK_DEFAULTS, dirs }),
    events: bus,
  });
  return {
    engine,
    store,
    close: async () => {
      await engine.close();
      await store.close();
      db.close();
      listening.abort();
    },
  };
}

function recordingLog(errors: string[]): Log {
  const error: Log['error'] = (message, fields) => {
    errors.push(`${message}: ${fields?.['error'] instanceof Error ? fields['error'].message : ''}`);
    console.error(message, fields);
  };
  const log: Log = { debug: () => {}, info: () => {}, warn: error, error, with: () => log };
  return log;
}

/** A connected pair of sockets, as a hijacked connection is: one for the engine, one for the test. */
export async function clientPair(directory: string): Promise<{ served: Socket; client: Socket }> {
  const { promise, resolve } = Promise.withResolvers<Socket>();
  const path = join(directory, `c${Math.random()}`);
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, resolve).listen(path);
  const client = connect({ path, allowHalfOpen: true });
  const served = await promise;
  server.close();
  return { served, client };
}
