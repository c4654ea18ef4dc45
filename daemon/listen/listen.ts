import { chmod, chown, lstat, mkdir, unlink } from 'node:fs/promises';
import { once } from 'node:events';
import type { Server } from 'node:http';
import { connect, isIPv6, type ListenOptions } from 'node:net';
import { dirname } from 'node:path';
import { conflict, internal, invalidArgument, notImplemented } from '../../common/errors.ts';

/** The longest path that a unix socket's address holds (man 7 unix). */
const MAX_PATH_BYTES = 107;

/**
 * Makes `server` listen on a host (`unix:///path`, `tcp://address:port`, `fd://`). A unix socket gets mode 0660 and group `gid`
 * before anyone can connect; a stale one is replaced, a living one throws `conflict`.
 */
export async function listenOn(server: Server, host: string, gid: number): Promise<void> {
  const [, scheme = '', address = ''] = /^(\w+):\/\/(.*)$/.exec(host) ?? [];
  switch (scheme) {
    case 'unix':
      return listenUnix(server, address, gid);
    case 'tcp':
      return listenTcp(server, host, address);
    case 'fd':
      return listenInherited(server);
    default:
      throw invalidArgument(`Cannot listen on "${host}": the scheme is none of unix, tcp and fd`);
  }
}

async function listenUnix(server: Server, path: string, gid: number): Promise<void> {
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) {
    throw invalidArgument(
      `Cannot listen on "unix://${path}": the path is longer than ${MAX_PATH_BYTES} bytes`,
    );
  }
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  await removeStale(path);
  /** Nobody but root connects until mode and group are set; bind happens inside `listen`, so no other file is touched. */
  const mask = process.umask(0o177);
  const listening = start(server, `unix://${path}`, { path });
  process.umask(mask);
  await listening;
  await chown(path, 0, gid);
  await chmod(path, 0o660);
}

async function removeStale(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return;
  if (!found.isSocket())
    throw conflict(`Cannot listen on "unix://${path}": something that is no socket is there`);
  if (await answers(path))
    throw conflict(`Cannot listen on "unix://${path}": another process is listening on it`);
  await unlink(path);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
}

/** Whoever reaches the socket is root on this machine, so without TLS only loopback is served. */
async function listenTcp(server: Server, host: string, address: string): Promise<void> {
  const [, name = '', port = ''] = /^\[?(.*?)\]?:(\d+)$/.exec(address) ?? [];
  const loopback = name === 'localhost' || name.startsWith('127.') || (isIPv6(name) && name === '::1');
  if (!loopback) {
    throw notImplemented(
      `Cannot listen on "${host}": TLS is not supported yet, and without it only loopback is served`,
    );
  }
  await start(server, host, { host: name, port: Number(port) });
}

/** The first descriptor that systemd passes (man 3 sd_listen_fds). */
async function listenInherited(server: Server): Promise<void> {
  const { LISTEN_PID: pid, LISTEN_FDS: count } = process.env;
  if (Number(pid) !== process.pid || Number(count) < 1) {
    throw invalidArgument('Cannot listen on "fd://": no socket was passed (LISTEN_PID, LISTEN_FDS)');
  }
  await start(server, 'fd://', { fd: 3 });
}

async function start(server: Server, host: string, options: ListenOptions & { fd?: number }): Promise<void> {
  server.listen(options);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw internal(`Cannot listen on "${host}": ${(error as NodeJS.ErrnoException).code ?? String(error)}`, {
      cause: error,
    });
  }
}
