import { mkdir, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { start } from './process.ts';

/** Where a daemon of its own lives. */
export interface Place {
  /** Short, since the paths of sockets below it are. */
  readonly directory: string;
  readonly dataRoot: string;
  readonly execRoot: string;
  readonly socket: string;
  readonly cgroupParent: string;
  /** Holds the network namespace while no daemon runs. */
  readonly netnsPid: number;
}

/** Makes a temporary directory and a network namespace. */
export async function makePlace(): Promise<Place> {
  const directory = await mkdtemp('/tmp/w-');
  await mkdir(join(directory, 'c'));
  const keeper = start(['unshare', '-n', 'sh', '-c', 'busybox ip link set lo up; echo; exec sleep 86400'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise((resolve) => keeper.stdout?.once('data', resolve));
  keeper.stdout?.destroy();
  keeper.unref();
  return {
    directory,
    dataRoot: join(directory, 'd'),
    execRoot: join(directory, 'r'),
    socket: join(directory, 's'),
    cgroupParent: `/wherry-test-${directory.slice('/tmp/w-'.length)}`,
    netnsPid: keeper.pid ?? -1,
  };
}
