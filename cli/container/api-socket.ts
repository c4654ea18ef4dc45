import { posix } from 'node:path';
import { pack } from 'tar-stream';
import { invalidArgument } from '../../common/errors.ts';
import type { Client } from '../command.ts';
import type { Daemon } from '../http/daemon.ts';
import { hasCredentials, storedCredentials } from '../registry/credentials.ts';
import type { CreateBody } from './config.ts';

const SOCKET = '/var/run/docker.sock';
const CONFIG_FILE = '/run/secrets/docker/config.json';
const VARIABLE = `DOCKER_CONFIG=${posix.dirname(CONFIG_FILE)}`;

/**
 * The container of `--use-api-socket`: the daemon's socket is where clients look for it, and where there are credentials, a variable
 * leads to them; one that was given stays. Throws `invalid-argument` for a daemon that is not reached by a unix socket.
 */
export async function withApiSocket(body: CreateBody, { choice }: Client): Promise<CreateBody> {
  const { host } = await choice.endpoint();
  const path = /^unix:\/\/(.+)$/.exec(host)?.[1];
  if (path === undefined) {
    throw invalidArgument(
      `flag --use-api-socket can only be used with unix sockets: docker endpoint ${host} incompatible`,
    );
  }
  const asked = (body['Env'] ?? []) as readonly string[];
  const isSet = asked.some((variable) => variable.startsWith('DOCKER_CONFIG='));
  const mounts = (body.HostConfig['Mounts'] ?? []) as readonly object[];
  const mount = { Type: 'bind', Source: path, Target: SOCKET, BindOptions: {} };
  return {
    ...body,
    Env: isSet || !hasCredentials() ? asked : [...asked, VARIABLE],
    HostConfig: { ...body.HostConfig, Mounts: [...mounts, mount] },
  };
}

/** Writes what is kept for registries into a container that was made so, where its variable leads to. */
export async function giveCredentials(daemon: Daemon, id: string, body: CreateBody): Promise<void> {
  if (!((body['Env'] ?? []) as readonly string[]).includes(VARIABLE)) return;
  const archive = pack();
  const text = `${JSON.stringify({ auths: await storedCredentials() }, undefined, '\t')}\n`;
  archive.entry({ name: CONFIG_FILE.slice(1), mode: 0o600, mtime: new Date(0) }, text);
  archive.finalize();
  const upload = archive as AsyncIterable<Uint8Array>;
  const query = { path: '/', noOverwriteDirNonDir: true };
  await (await daemon.send({ method: 'PUT', path: `/containers/${id}/archive`, query, upload })).text();
}
