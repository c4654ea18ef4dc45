import type { Timestamp } from '../../native/sys/files.ts';

export type EntryType =
  'file' | 'hardlink' | 'symlink' | 'character-device' | 'block-device' | 'directory' | 'fifo';

/**
 * One member of a tar archive, extended headers applied. Names are byte strings: each character is one byte (latin1), because
 * a file name in Linux is bytes and a round trip through UTF-8 would change some.
 */
export interface TarEntry {
  readonly type: EntryType;
  /** As in the archive: may be absolute, may hold `..`. */
  readonly name: string;
  /** Of links. */
  readonly linkName: string;
  /** Permission bits with setuid, setgid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of a file, with those of holes; 0 for all but files. */
  readonly size: number;
  readonly mtime: Timestamp;
  readonly atime: Timestamp;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  /** From `SCHILY.xattr.` records; names and values are byte strings. */
  readonly xattrs: ReadonlyMap<string, string>;
}

/** What a reader of an archive does with its members: `entry`, its `data` in order, `end`, then the next. */
export interface TarSink {
  entry(entry: TarEntry): void;
  data(chunk: Uint8Array): void;
  /** Zeros that a sparse file has here and the archive does not hold; without this, such a file is refused. */
  hole?(sizeBytes: number): void;
  end(): void;
}

/** Byte string to what a person reads. */
export const shownName = (name: string): string => Buffer.from(name, 'latin1').toString();
