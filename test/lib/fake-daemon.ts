import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { makeCtx } from '../../common/ctx.ts';
import { silentLog } from '../../common/log.ts';
import type { ShownRegistries } from '../../daemon/api/docker/convert/registry-config.ts';
import { createDockerApi, type DockerApi } from '../../daemon/api/docker/server.ts';
import { listenOn } from '../../daemon/listen/listen.ts';
import { fakeEngine, type FakeEngine } from './fake-engine.ts';

/** Docker's door over an engine that runs nothing. */
export interface FakeDaemon {
  readonly engine: FakeEngine;
  readonly app: FastifyInstance;
  readonly api: DockerApi;
}

export async function fakeDoor(
  t: TestContext,
  registries: ShownRegistries = { mirrors: [], insecure: [] },
): Promise<FakeDaemon> {
  const engine = fakeEngine();
  const api = await createDockerApi({
    engine,
    ctx: makeCtx(silentLog),
    defaults: {
      logDriver: 'json-file',
      logOptions: { 'max-size': '20m' },
      ulimits: [{ name: 'nofile', soft: 1024, hard: 4096 }],
      shmSizeBytes: 67_108_864,
      ipcMode: 'private',
      runtimes: {},
      defaultRuntime: 'runc',
    },
    info: {
      ...{ debug: false, logDriver: 'json-file', registries, cdiDirectories: [] },
      ...{ seccompProfile: undefined, hosts: ['unix:///var/run/wherry.sock'], tls: undefined },
    },
  });
  t.after(() => api.close());
  return { engine, app: api.app, api };
}

/** The same on a unix socket, for real clients. */
export async function fakeDaemon(t: TestContext): Promise<FakeDaemon & { readonly socket: string }> {
  const door = await fakeDoor(t);
  const directory = await mkdtemp('/tmp/w-');
  const socket = join(directory, 's');
  await listenOn(() => door.api.createServer(), `unix://${socket}`, { gid: 0, plainTcp: false });
  t.after(() => rm(directory, { recursive: true, force: true }));
  return { ...door, socket };
}
