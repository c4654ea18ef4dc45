import { closeSync, constants, existsSync, read, watch, writeSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { promisify } from 'node:util';
import { internal } from '../../../common/errors.ts';
import { eventCounter } from '../../../native/sys/event-counter.ts';
import type { CgroupPlace } from '../contract.ts';
import { placeOf, type CgroupLayout } from '../layout.ts';
import { readCounts } from './numbers.ts';

const readInto = promisify(read);

/** Where the kernel counts out-of-memory kills of a cgroup, as `oom_kill`; undefined without a memory controller. */
export function oomFileOf(layout: CgroupLayout, path: string): string | undefined {
  const at = placeOf(layout, { v1: 'memory', v2: 'memory' });
  if (at === undefined) return undefined;
  return `${at.mountPoint}${path}/${at.version === 1 ? 'memory.oom_control' : 'memory.events'}`;
}

/** How many of the container's processes were killed for want of memory. 0 without a cgroup or a memory controller. */
export async function oomKills({ layout, path }: CgroupPlace): Promise<number> {
  const file = oomFileOf(layout, path);
  return file === undefined ? 0 : Number((await readCounts(file)).get('oom_kill') ?? 0);
}

export interface OomWatch {
  /** Resolves when the cgroup is gone, or on version 2 empty, or after `close`. */
  readonly ended: Promise<void>;
  close(): void;
}

/**
 * Calls back each time when the container is out of memory, until it ends. Stands when the promise resolves: subscribe before
 * start. Throws when there is no memory controller. On version 1 it takes one of libuv's threads, so it is for a command, which
 * watches one container.
 */
export async function watchOom(place: CgroupPlace, onOom: () => void): Promise<OomWatch> {
  const { layout, path } = place;
  const at = placeOf(layout, { v1: 'memory', v2: 'memory' });
  if (at === undefined) throw internal('Cannot watch for want of memory: memory controller missing');
  const directory = `${at.mountPoint}${path}`;
  return at.version === 1 ? watchV1(directory, onOom) : watchV2(directory, { place, onOom });
}

/** An eventfd, registered for memory.oom_control (Documentation/admin-guide/cgroup-v1/cgroups.rst). */
async function watchV1(directory: string, onOom: () => void): Promise<OomWatch> {
  const control = `${directory}/cgroup.event_control`;
  const source = await open(`${directory}/memory.oom_control`, 'r');
  let counter: number | undefined;
  try {
    counter = eventCounter();
    await register(control, `${counter} ${source.fd}`);
  } catch (error) {
    if (counter !== undefined) closeSync(counter);
    await source.close();
    throw error;
  }
  const wakeUp = counter;
  const state = { isClosed: false };
  const ended = follow(counter, source, () => {
    // The end of the cgroup is an event too.
    if (!state.isClosed && existsSync(control)) {
      onOom();
      return true;
    }
    state.isClosed = true;
    return false;
  });
  const close = (): void => {
    if (state.isClosed) return;
    state.isClosed = true;
    writeSync(wakeUp, ONE);
  };
  return { ended, close };
}

const ONE = new Uint8Array(new BigUint64Array([1n]).buffer);

async function register(control: string, text: string): Promise<void> {
  const file = await open(control, constants.O_WRONLY);
  try {
    await file.write(text);
  } finally {
    await file.close();
  }
}

async function follow(counter: number, source: FileHandle, onEvent: () => boolean): Promise<void> {
  const buffer = Buffer.alloc(8);
  try {
    for (let goesOn = true; goesOn; goesOn = onEvent()) await readInto(counter, buffer, 0, 8, null);
  } finally {
    closeSync(counter);
    await source.close();
  }
}

/** The kernel tells of changes of memory.events and of cgroup.events (`populated`) by inotify. */
async function watchV2(
  directory: string,
  { place, onOom }: { readonly place: CgroupPlace; readonly onOom: () => void },
): Promise<OomWatch> {
  let seen = await oomKills(place);
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  const watchers = [
    watch(`${directory}/memory.events`, () => void check().catch(resolve)),
    watch(`${directory}/cgroup.events`, () => void checkEnd().catch(resolve)),
  ];
  const close = (): void => {
    for (const watcher of watchers) watcher.close();
    resolve();
  };
  async function check(): Promise<void> {
    const now = await oomKills(place);
    if (now > seen) onOom();
    seen = Math.max(now, seen);
  }
  async function checkEnd(): Promise<void> {
    // What was killed last is told of before the end.
    await check();
    if ((await readCounts(`${directory}/cgroup.events`)).get('populated') !== 1) close();
  }
  for (const watcher of watchers) watcher.on('error', close);
  return { ended, close };
}
