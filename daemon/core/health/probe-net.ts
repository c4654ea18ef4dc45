import { request } from 'node:http';
import { Socket } from 'node:net';
import { messageOf } from '../../../common/errors.ts';
import { SyscallError } from '../../../native/ffi/syscall.ts';
import { pidfdOpen } from '../../../native/sys/pidfd.ts';
import { tcpSocketIn } from '../../../native/sys/tcp-socket.ts';
import { closeDescriptor } from '../../../native/sys/socket.ts';
import { formatDuration } from '../../../common/go-duration.ts';
import type { Check, Target } from './contract.ts';
import { createOutput } from './output.ts';

export interface Outcome {
  readonly exitCode: number;
  readonly output: string;
}

/** One look. Undefined: it does not count. It ends when the signal says so, whatever the result. */
export type Probe = (signal: AbortSignal) => Promise<Outcome | undefined>;

const NS_PER_MS = 1e6;

/** What docker says of a probe that took too long. */
export function lateOutcome(timeoutMs: number, output: string): Outcome {
  const said = `Health check exceeded timeout (${formatDuration(timeoutMs * NS_PER_MS)})`;
  return { exitCode: -1, output: output === '' ? said : `${said}: ${output}` };
}

type NetTarget = Exclude<Target, { kind: 'command' }>;

/**
 * A connection from inside the network namespace of a container's first process, without any process of its own: 0 for a connection,
 * for an answer with a status of 200 to 399 (redirects are not followed), or for a service of gRPC that says SERVING.
 */
export const netProbe =
  (pid: number, target: NetTarget, { timeoutMs }: Pick<Check, 'timeoutMs'>): Probe =>
  async (signal) => {
    const socket = openSocket(pid, target);
    if (socket === undefined) return undefined;
    const late = AbortSignal.timeout(Math.ceil(timeoutMs));
    const end = (): void => void socket.destroy();
    for (const each of [signal, late]) each.addEventListener('abort', end, { once: true });
    try {
      socket.connect({ host: target.address, port: target.port });
      return await outcomeOf(socket, target);
    } catch (error) {
      return late.aborted
        ? lateOutcome(timeoutMs, '')
        : { exitCode: 1, output: `${nameOf(target)}: ${messageOf(error)}` };
    } finally {
      for (const each of [signal, late]) each.removeEventListener('abort', end);
      socket.destroy();
    }
  };

function outcomeOf(socket: Socket, target: NetTarget): Promise<Outcome> {
  switch (target.kind) {
    case 'tcp':
      return connected(socket);
    case 'http':
      return answered(socket, target);
    case 'grpc':
      return serves(socket, target);
  }
}

function nameOf(target: NetTarget): string {
  switch (target.kind) {
    case 'tcp':
      return `${target.address}:${target.port}`;
    case 'http':
      return `GET ${target.url}`;
    case 'grpc':
      return `Check ${target.url}`;
  }
}

/** Undefined when the process has just ended, which says more than any look at it. */
function openSocket(pid: number, { address }: NetTarget): Socket | undefined {
  let pidfd = -1;
  try {
    pidfd = pidfdOpen(pid);
    const fd = tcpSocketIn(pidfd, address.includes(':') ? 6 : 4);
    // It must not read before it is connected (Node's net.Socket, not in its types).
    const options = { fd, readable: true, writable: true, manualStart: true };
    return new Socket(options);
  } catch (error) {
    if (error instanceof SyscallError && error.errnoName === 'ESRCH') return undefined;
    throw error;
  } finally {
    if (pidfd >= 0) closeDescriptor(pidfd);
  }
}

function connected(socket: Socket): Promise<Outcome> {
  const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
  socket.once('connect', () => resolve({ exitCode: 0, output: '' }));
  socket.on('error', reject);
  socket.once('close', () => reject(new Error('the connection was closed')));
  return promise;
}

function answered(socket: Socket, { path, port, url }: Extract<Target, { kind: 'http' }>): Promise<Outcome> {
  const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
  const output = createOutput();
  const asked = request({
    createConnection: () => socket,
    path,
    headers: {
      host: port === 80 ? 'localhost' : `localhost:${port}`,
      'user-agent': 'wherry-health',
      accept: '*/*',
    },
  });
  asked.on('error', reject);
  asked.once('response', (answer) => {
    const status = answer.statusCode ?? 0;
    const done = (): void => {
      const said = `GET ${url}: ${status} ${answer.statusMessage ?? ''}`.trimEnd();
      const body = output.text();
      resolve({
        exitCode: status >= 200 && status < 400 ? 0 : 1,
        output: body === '' ? said : `${said}\n${body}`,
      });
    };
    // Its status is the answer; of the rest no more is read than is shown.
    answer.on('data', (data: Buffer) => {
      if (!output.add(data)) done();
    });
    answer.once('end', done);
    answer.once('error', done);
    answer.once('close', done);
  });
  asked.end();
  return promise;
}

async function serves(socket: Socket, target: Extract<Target, { kind: 'grpc' }>): Promise<Outcome> {
  await connected(socket);
  // HTTP/2 is loaded for the first who asks.
  const { askGrpc } = await import('./ask-grpc.ts');
  const serving = await askGrpc(socket, target.service);
  return { exitCode: serving === 'SERVING' ? 0 : 1, output: `${nameOf(target)}: ${serving}` };
}
