import { parseFrames } from './parse-frames.ts';
import { rest } from './rest.ts';

/** What a container has written to both of its streams, by a request: a client takes its time to start. */
export async function outputOf(socket: string, container: string): Promise<string> {
  const { bytes, text } = await rest(socket, 'GET', {
    path: `/containers/${container}/logs?stdout=1&stderr=1`,
  });
  return (bytes[0] ?? 0) > 2 ? text : unframed(bytes);
}

/** What a script says in a running container, with what it complains of. */
export async function saysIn(socket: string, container: string, script: string): Promise<string> {
  const body = { Cmd: ['sh', '-c', script], AttachStdout: true, AttachStderr: true };
  const made = await rest(socket, 'POST', { path: `/containers/${container}/exec`, body });
  const { Id } = made.json<{ Id: string }>();
  const { bytes } = await rest(socket, 'POST', { path: `/exec/${Id}/start`, body: { Tty: false } });
  return unframed(bytes);
}

const unframed = (bytes: Buffer): string => [...parseFrames(bytes)].map(([, data]) => data).join('');
