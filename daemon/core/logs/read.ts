import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Ctx } from '../../../common/ctx.ts';
import type { LogChunk, LogsRequest } from '../contract.ts';
import { millisecondsTo } from '../time.ts';
import { watchDirectory, type Changes } from './changes.ts';
import { closeAll, openLogFiles, type LogFile } from './files.ts';
import { lineReader, type LineReader } from './line-reader.ts';
import { renderer, type Renderer } from './render.ts';
import { tailStart } from './tail.ts';

export interface LogSource {
  /** Of the current file; rotated ones are `<path>.1`, `.2`, ... */
  readonly path: string;
  /** Resolves when nothing more will be written; undefined: so it is already, and there is nothing to follow. */
  readonly ended: Promise<unknown> | undefined;
}

/**
 * Reads a json-file log as docker does: the last `tail` lines, of these what is between `since` and `until`, then, when
 * following, what comes, over rotations, until the end or the signal. Memory is bounded by the longest line.
 */
export async function* readLogs(
  ctx: Ctx,
  source: LogSource,
  request: LogsRequest,
): AsyncGenerator<LogChunk, void> {
  const { ended } = source;
  // Before the files are opened: what changes from here on is seen.
  using following =
    request.follow && ended !== undefined
      ? follow(ctx, ended, { directory: dirname(source.path), untilNs: request.untilNs })
      : undefined;
  const files = await openLogFiles(source.path);
  const cursor: Cursor = { renderer: renderer(request), ended: false };
  try {
    const start = await tailStart(files, request.tail ?? Infinity);
    for (const [index, file] of [...files.entries()].reverse().slice(files.length - 1 - start.file)) {
      const position = index === start.file ? start.position : 0;
      const grows = index === 0 && following !== undefined;
      const reader = lineReader(file.handle, position, grows ? undefined : file.sizeBytes);
      if (grows) yield* readGrowing(source.path, cursor, { file, reader, following, files });
      else yield* readToEnd(reader, cursor);
      if (cursor.ended || ctx.signal.aborted) return;
    }
  } finally {
    await closeAll(files);
  }
}

interface Cursor {
  readonly renderer: Renderer;
  /** A line beyond `until` was met. */
  ended: boolean;
}

async function* readToEnd(reader: LineReader, cursor: Cursor): AsyncGenerator<LogChunk, void> {
  for (let lines = await reader.next(); lines !== undefined; lines = await reader.next()) {
    const { chunks, ended } = cursor.renderer.render(lines);
    yield* chunks;
    cursor.ended = ended;
    if (ended) return;
  }
}

interface Growing {
  readonly file: LogFile;
  readonly reader: LineReader;
  readonly following: Following;
  /** Open files; the caller closes them. */
  readonly files: LogFile[];
}

async function* readGrowing(path: string, cursor: Cursor, growing: Growing): AsyncGenerator<LogChunk, void> {
  const { following, files } = growing;
  let { file, reader } = growing;
  for (;;) {
    const over = following.over();
    yield* readToEnd(reader, cursor);
    if (cursor.ended) return;
    const successor = await nextFile(path, file);
    if (successor !== undefined) {
      // The old file is complete now, but may not have been when it was read.
      yield* readToEnd(reader, cursor);
      files.push(successor);
      file = successor;
      reader = lineReader(file.handle, 0);
    } else if (over) return;
    else await following.changes.wait();
  }
}

/** The file that was begun when this one was rotated; undefined while this one is current. */
async function nextFile(path: string, { inode }: LogFile): Promise<LogFile | undefined> {
  const current = await stat(path, { bigint: true }).catch(() => undefined);
  if (current === undefined || current.ino === inode) return undefined;
  const files = await openLogFiles(path);
  const index = files.findIndex((file) => file.inode === inode);
  const next = index < 0 ? files.at(-1) : files[index - 1];
  await closeAll(files.filter((file) => file !== next));
  return next;
}

interface Following extends Disposable {
  readonly changes: Changes;
  /** Nothing more is to be waited for. */
  over(): boolean;
}

function follow(
  ctx: Ctx,
  ended: Promise<unknown>,
  { directory, untilNs }: { directory: string; untilNs: bigint | undefined },
): Following {
  const changes = watchDirectory(directory);
  let over = false;
  const stop = (): void => {
    over = true;
    changes.stop();
  };
  void ended.then(stop, stop);
  if (ctx.signal.aborted) stop();
  else ctx.signal.addEventListener('abort', stop, { once: true });
  const timer = untilNs === undefined ? undefined : setTimeout(stop, millisecondsTo(untilNs));
  return {
    changes,
    over: () => over,
    [Symbol.dispose]: () => {
      clearTimeout(timer);
      ctx.signal.removeEventListener('abort', stop);
      changes[Symbol.dispose]();
    },
  };
}
