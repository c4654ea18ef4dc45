import type { FileHandle } from 'node:fs/promises';

/** One of a log's files, plain or compressed. */
export interface LogFile extends AsyncDisposable {
  /** Of its first line, which it keeps when it is renamed or compressed; undefined while it has none. */
  readonly birthNs: bigint | undefined;
  /** Of a plain file: tells one that was rotated from its successor. */
  readonly inode: bigint;
  /** Its lines, unpacked where they are compressed. The same at every call. */
  load(): Promise<LoadedFile>;
}

export interface LoadedFile {
  readonly handle: FileHandle;
  /** When it was opened. */
  readonly sizeBytes: number;
}
