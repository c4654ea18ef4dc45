import { exec } from './process.ts';
import { rest, type Answer } from './rest.ts';
import type { Daemon } from './daemon.ts';

/** A request to a container's archive endpoint. */
export function archive(
  daemon: Pick<Daemon, 'socket'>,
  method: 'HEAD' | 'GET' | 'PUT',
  call: { readonly id: string; readonly path: string; readonly more?: string; readonly body?: Uint8Array },
): Promise<Answer> {
  const query = `path=${encodeURIComponent(call.path)}${call.more ?? ''}`;
  return rest(daemon.socket, method, {
    path: `/containers/${call.id}/archive?${query}`,
    ...(call.body === undefined ? {} : { body: call.body }),
  });
}

export interface PathStat {
  readonly name: string;
  readonly size: number;
  readonly mode: number;
  readonly mtime: string;
  readonly linkTarget: string;
}

export function statOf(answer: Answer): PathStat {
  const header = String(answer.headers['x-docker-container-path-stat']);
  return JSON.parse(Buffer.from(header, 'base64').toString()) as PathStat;
}

/** Names in a tar that a client printed: `cp x:/y -`. */
export async function tarNames(archiveText: readonly string[], cwd = '/'): Promise<string[]> {
  const { stdout } = await exec(['sh', '-c', `cd ${cwd} && "$@" | tar -t`, 'sh', ...archiveText]);
  return stdout.trim().split('\n');
}
