import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { bool, text } from '../../../common/flags/flag.ts';
import type { Containerd } from '../../containerd/client.ts';
import { defineCommand } from '../command.ts';
import type { toWire } from '../images/documents.ts';
import { makeFifos } from '../io/fifos.ts';
import { logPaths, NO_PATHS, type Paths } from '../io/paths.ts';
import { openStreams, type Streams } from '../io/streams.ts';
import { follow } from './follow.ts';
import { removeTask } from './remove-task.ts';
import { getContainer } from './task.ts';
import type { Container } from '../../../daemon/api/containerd/gen/containerd/services/containers/v1/containers_pb.ts';
import { Snapshots } from '../../../daemon/api/containerd/gen/containerd/services/snapshots/v1/snapshots_pb.ts';
import { Tasks } from '../../../daemon/api/containerd/gen/containerd/services/tasks/v1/tasks_pb.ts';

export const ioFlags = {
  'null-io': bool('send all IO to /dev/null'),
  'log-uri': text('log uri'),
  'fifo-dir': text('directory used for storing IO FIFOs'),
  detach: bool('detach from the task after it has started execution', { short: 'd' }),
};

export const start = defineCommand({
  usage: 'CONTAINER',
  flags: { ...ioFlags, 'pid-file': text("file path to write the task's pid") },
  run: async ({ containerd, flags, args: [id] }) => {
    const container = await getContainer(containerd, id);
    return runTask(containerd, container, {
      ...{ nullIo: flags['null-io'], logUri: flags['log-uri'], fifoDirectory: flags['fifo-dir'] },
      ...{ detach: flags.detach, pidFile: flags['pid-file'] },
    });
  },
});

export interface TaskOptions {
  readonly nullIo: boolean;
  readonly logUri: string;
  readonly fifoDirectory: string;
  readonly detach: boolean;
  readonly pidFile: string;
  /** Called before the task starts. */
  readonly join?: ((pid: number) => Promise<void>) | undefined;
  /** What it goes on from; undefined: it begins anew. */
  readonly checkpoint?: ReturnType<typeof toWire> | undefined;
}

/** Makes the container's task, starts it, and unless detached serves it until it ends and deletes it. Returns the exit code. */
export async function runTask(
  containerd: Containerd,
  container: Container,
  options: TaskOptions,
): Promise<number> {
  const terminal = isTerminal(container);
  const made = pathsFor(container.id, options, terminal);
  const tasks = containerd.service(Tasks);
  const name = { containerId: container.id, execId: '' };
  let pid: number;
  let streams: Streams;
  try {
    // Before the task is made: who serves it waits for a reader.
    streams = openStreams(made);
    ({ pid } = await tasks.create({
      ...name,
      rootfs: await rootMounts(containerd, container),
      ...paths(made),
      terminal,
      ...(options.checkpoint === undefined ? {} : { checkpoint: options.checkpoint }),
    }));
  } catch (error) {
    made[Symbol.dispose]?.();
    throw error;
  }
  const begin = async (): Promise<void> => {
    if (options.pidFile !== '') writeFileSync(resolve(options.pidFile), String(pid));
    await options.join?.(pid);
    await tasks.start(name);
  };
  if (options.detach) {
    await deletingOnFailure(containerd, container.id, begin).catch((error: unknown) => {
      made[Symbol.dispose]?.();
      throw error;
    });
    return 0;
  }
  // Like the FIFOs, the task is gone when this ends.
  try {
    const code = await deletingOnFailure(containerd, container.id, () =>
      follow(containerd, { name, streams, terminal, start: begin }),
    );
    await removeTask(containerd, container.id);
    return code;
  } finally {
    made[Symbol.dispose]?.();
  }
}

async function deletingOnFailure<T>(
  containerd: Containerd,
  containerId: string,
  act: () => Promise<T>,
): Promise<T> {
  try {
    return await act();
  } catch (error) {
    await removeTask(containerd, containerId).catch(() => undefined);
    throw error;
  }
}

const paths = ({ stdin, stdout, stderr }: Paths): Paths => ({ stdin, stdout, stderr });

function pathsFor(id: string, options: TaskOptions, terminal: boolean): Paths & Partial<Disposable> {
  if (options.logUri !== '') return logPaths(options.logUri);
  if (options.nullIo) return NO_PATHS;
  return makeFifos(id, { directory: options.fifoDirectory, terminal });
}

/** What the task's root is mounted from: nothing where the spec names a path. */
async function rootMounts(containerd: Containerd, { snapshotter, snapshotKey: key }: Container) {
  if (key === '') return [];
  return (await containerd.service(Snapshots).mounts({ snapshotter, key })).mounts;
}

export function specOf({ spec }: Container): { process?: { terminal?: boolean; [name: string]: unknown } } {
  return JSON.parse(Buffer.from(spec?.value ?? Buffer.from('{}')).toString()) as ReturnType<typeof specOf>;
}

const isTerminal = (container: Container): boolean => specOf(container).process?.terminal === true;
