import type { LogChunk, LogsRequest } from '../contract.ts';
import type { LogFile } from './contract.ts';
import { closeAll, openLogFiles } from './files.ts';
import { lineReader } from './line-reader.ts';
import { renderer } from './render.ts';
import type { LogSource } from './read.ts';

/** So many bytes of one of a log's files. */
export interface LogPlace {
  readonly inode: bigint;
  /** Of the file's first line: finds it again when it was compressed. */
  readonly birthNs?: bigint | undefined;
  readonly bytes: number;
}

export interface Replayed extends Pick<LogsRequest, 'stdout' | 'stderr'> {
  /** Where an earlier replay ended; undefined: the beginning. */
  readonly from: LogPlace | undefined;
  /** Undefined: the end as it is now. */
  readonly to: LogPlace | undefined;
}

/**
 * What stands in a log between two places. A place that was rotated away has nothing before it. Returns where it ended; undefined
 * while there is no log. Memory is bounded by the longest line.
 */
export async function* replayLog(
  { path, uses }: Pick<LogSource, 'path' | 'uses'>,
  { from, to: asked, ...streams }: Replayed,
): AsyncGenerator<LogChunk, LogPlace | undefined> {
  // Where the log can't be written there is none to stop at.
  const to = asked?.inode === 0n ? undefined : asked;
  // Nobody compresses a file of which only the inode is known.
  using _use = to === undefined ? undefined : uses.hold(to.inode);
  const files = await openLogFiles(path, uses);
  const rendering = renderer({
    ...streams,
    timestamps: false,
    details: false,
    sinceNs: undefined,
    untilNs: undefined,
  });
  try {
    const newest = to === undefined ? 0 : files.findIndex((file) => isAt(file, to));
    if (newest < 0) return to;
    const first = from === undefined ? -1 : files.findIndex((file) => isAt(file, from));
    let place: LogPlace | undefined;
    for (let index = first < 0 ? files.length - 1 : first; index >= newest; index -= 1) {
      const file = files[index];
      if (file === undefined) break;
      const { handle, sizeBytes } = await file.load();
      const start = index === first && from !== undefined ? from.bytes : 0;
      const end = index === newest && to !== undefined ? to.bytes : sizeBytes;
      const reader = lineReader(handle, start, end);
      for (let lines = await reader.next(); lines !== undefined; lines = await reader.next())
        yield* rendering.render(lines).chunks;
      place = { inode: file.inode, birthNs: file.birthNs, bytes: end };
    }
    return place;
  } finally {
    await closeAll(files);
  }
}

const isAt = (file: LogFile, { inode, birthNs }: LogPlace): boolean =>
  file.inode === inode || (birthNs !== undefined && file.birthNs === birthNs);
