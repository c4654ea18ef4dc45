import { constants, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Sink, standardSinks } from '../../stream/sinks.ts';
import type { Paths } from './paths.ts';

/** How long output may still come after the process has ended: somebody else may hold its end open. */
const LAST_OUTPUT_MS = 2000;

export interface Streams {
  /** Sends this process's stdin; `onEnd` is called after its last byte has been taken. */
  feed(onEnd: () => void): void;
  /** Resolves when all output has arrived: both ends were closed, or nothing came any more. */
  finish(): Promise<void>;
}

/**
 * Opens the ends of the FIFOs that are ours. Never waits for the other side: a read end opens at once, and what is read from it
 * does not end before somebody has written.
 */
export function openStreams(paths: Paths): Streams {
  const [stdin, stdout, stderr] = [paths.stdin, paths.stdout, paths.stderr].map((path) =>
    // What goes to a URI is served by others.
    path.startsWith('/') ? path : '',
  );
  const sinks = standardSinks();
  const reading = [
    ...(!stdout ? [] : [copy(stdout, sinks.stdout)]),
    ...(!stderr ? [] : [copy(stderr, sinks.stderr)]),
  ];
  return {
    feed: (onEnd) => {
      if (stdin) send(stdin, onEnd);
    },
    finish: async () => {
      await Promise.race([Promise.all(reading), sleep(LAST_OUTPUT_MS, undefined, { ref: false })]);
    },
  };
}

async function copy(path: string, sink: Sink): Promise<void> {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  for await (const bytes of new Socket({ fd, readable: true, writable: false }))
    await sink.write(bytes as Buffer);
}

/** Both ends are opened, so that this works before the other side reads. */
function send(path: string, onEnd: () => void): void {
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  const fifo = new Socket({ fd, readable: false, writable: true });
  // The process may have closed its stdin, or ended.
  fifo.on('error', () => undefined);
  fifo.on('close', onEnd);
  process.stdin.on('error', () => fifo.end());
  process.stdin.pipe(fifo);
}
