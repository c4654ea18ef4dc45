import { dirname } from 'node:path';
import type { Ctx } from '../../../common/ctx.ts';
import type { LogChunk, LogsRequest } from '../contract.ts';
import { millisecondsTo } from '../time.ts';
import { watchDirectory, type Changes } from './changes.ts';
import type { LogFile } from './contract.ts';
import { closeAll, openLogFiles, openNextFile } from './files.ts';
import { lineReader, type LineReader } from './line-reader.ts';
import { renderer, type Renderer } from './render.ts';
import { sinceStart } from './since.ts';
import { tailStart, type Start } from './tail.ts';
import type { LogUses } from './uses.ts';

export interface LogSource {
  /** Of the current file; rotated ones are `<path>.1`, `.2`, ... */
  readonly path: string;
  /** Resolves when nothing more will be written; undefined: so it is already, and there is nothing to follow. */
  readonly ended: Promise<unknown> | undefined;
  readonly uses: LogUses;
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
  const files = await openLogFiles(source.path, source.uses);
  const cursor: Cursor = { renderer: renderer(request), ended: false };
  try {
    const start = await startOf(files, request);
    for (const [index, file] of [...files.entries()].reverse().slice(files.length - 1 - start.file)) {
      const position = index === start.file ? start.position : 0;
      const grows = index === 0 && following !== undefined;
      const { handle, sizeBytes } = await file.load();
      const reader = lineReader(handle, position, grows ? undefined : sizeBytes);
      if (grows) yield* readGrowing(source, cursor, { file, reader, following, files });
      else yield* readToEnd(reader, cursor);
      if (cursor.ended || ctx.signal.aborted) return;
    }
  } finally {
    await closeAll(files);
  }
}

/** Where a request's first line is, or a little before: the renderer cuts by the time exactly. */
async function startOf(
  files: readonly LogFile[],
  { tail = Infinity, sinceNs }: Pick<LogsRequest, 'tail' | 'sinceNs'>,
): Promise<Start> {
  const last = await tailStart(files, tail);
  if (sinceNs === undefined) return last;
  const since = await sinceStart(files, sinceNs);
  const isLater = since.file === last.file ? since.position > last.position : since.file < last.file;
  return isLater ? since : last;
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

async function* readGrowing(
  source: LogSource,
  cursor: Cursor,
  growing: Growing,
): AsyncGenerator<LogChunk, void> {
  const { following, files } = growing;
  let { file, reader } = growing;
  for (;;) {
    const over = following.over();
    yield* readToEnd(reader, cursor);
    if (cursor.ended) return;
    const successor = await openNextFile(source.path, file, source.uses);
    if (successor !== undefined) {
      // The old file is complete now, but may not have been when it was read.
      yield* readToEnd(reader, cursor);
      files.push(successor);
      await closeAll(files.splice(files.indexOf(file), 1));
      file = successor;
      reader = lineReader((await file.load()).handle, 0);
    } else if (over) return;
    else await following.changes.wait();
  }
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
