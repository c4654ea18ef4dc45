import { chmod, chown, lstat, mkdir, unlink } from 'node:fs/promises';
import { once } from 'node:events';
import { Server as HttpsServer } from 'node:https';
import { connect, type ListenOptions, type Server } from 'node:net';
import { dirname } from 'node:path';
import { conflict, internal, invalidArgument } from '../../common/errors.ts';

/** The longest path that a unix socket's address holds (man 7 unix). */
const MAX_PATH_BYTES = 107;

export interface ListenSettings {
  /** Of a unix socket; undefined: it is for root alone. */
  readonly gid: number | undefined;
  /** TCP is served without TLS: somebody has said that it is to be so. */
  readonly plainTcp: boolean;
}

/**
 * Makes a server listen on a host (`unix:///path`, `tcp://address:port`, `fd://`, where each socket that systemd passed gets
 * a server of its own). A unix socket gets mode 0660 and group `gid`, or 0600, before anyone can connect; a stale one is replaced, a living
 * one throws `conflict`. Throws `invalid-argument` for TCP without TLS that nobody asked for.
 */
export async function listenOn(
  createServer: () => Server,
  host: string,
  settings: ListenSettings,
): Promise<void> {
  const [, scheme = '', address = ''] = /^(\w+):\/\/(.*)$/.exec(host) ?? [];
  switch (scheme) {
    case 'unix':
      return listenUnix(createServer(), address, settings.gid);
    case 'tcp':
      return listenTcp(createServer(), host, settings);
    case 'fd':
      for (const fd of inheritedSockets(address)) await start(createServer(), host, { fd });
      return;
    default:
      throw invalidArgument(`Cannot listen on "${host}": the scheme is none of unix, tcp and fd`);
  }
}

async function listenUnix(server: Server, path: string, gid: number | undefined): Promise<void> {
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
  if (gid === undefined) return;
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

/** Whoever reaches the daemon is root on this machine; that goes for every user of it, and for web pages in their browsers, too. */
async function listenTcp(server: Server, host: string, { plainTcp }: ListenSettings): Promise<void> {
  if (!(server instanceof HttpsServer) && !plainTcp) {
    throw invalidArgument(
      `Cannot listen on "${host}" without TLS, whoever reached it would be root on this machine: use --tlsverify, or --tls=false to serve it nevertheless`,
    );
  }
  const [, name = '', port = ''] = /^tcp:\/\/\[?(.*?)\]?:(\d+)$/.exec(host) ?? [];
  await start(server, host, { host: name, port: Number(port) });
}

/** The first descriptor that systemd passes. */
const FIRST_FD = 3;

/**
 * The descriptors that systemd passed (man 3 sd_listen_fds): all (`fd://`, `fd://*`), the one of a number, or those of a name
 * (FileDescriptorName=). Throws `invalid-argument` when there is none.
 */
export function inheritedSockets(which: string, env: NodeJS.ProcessEnv = process.env): readonly number[] {
  const { LISTEN_PID: pid, LISTEN_FDS: count = '0', LISTEN_FDNAMES: names = '' } = env;
  const passed = Number(pid) === process.pid ? Number(count) : 0;
  const named = names.split(':');
  const fds = Array.from({ length: passed }, (_unused, index) => FIRST_FD + index).filter(
    (fd) => which === '' || which === '*' || which === String(fd) || which === named[fd - FIRST_FD],
  );
  if (fds.length > 0) return fds;
  throw invalidArgument(
    `Cannot listen on "fd://${which}": no such socket was passed (LISTEN_PID, LISTEN_FDS)`,
  );
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
