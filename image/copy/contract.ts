import type { Timestamp } from '../../native/sys/files.ts';
import type { OverlayDirs } from '../snapshots.ts';

/**
 * Files of one container, in and out, as the container sees them. Every path is resolved by the kernel beneath the container's root
 * (openat2, RESOLVE_IN_ROOT), so that no symbolic link and no exchange of names leads out of it, whatever runs in there meanwhile. No
 * program is started and nothing of the container is loaded or executed. File systems that the kernel makes up (proc, sysfs, ...) are
 * not there, neither to read nor to write.
 */

/** Where a container's files are found. Plain data: it goes to a thread. */
export type CopyRoot =
  /** Of a running container, by its first process: with all its mounts, frozen or not. */
  | { readonly kind: 'process'; readonly pid: number; readonly id: string }
  /** Of one that does not run: mounted for the thread that looks at it, seen by nobody else. */
  | StoppedRoot;

export interface StoppedRoot {
  readonly kind: 'stopped';
  /** An empty directory of the host, to mount over. */
  readonly staging: string;
  readonly overlay: OverlayDirs;
  /** False: nothing of the container changes, and it may start meanwhile. */
  readonly writable: boolean;
  /** The container is to have a root that is read-only. */
  readonly readOnlyRoot: boolean;
  /** What is mounted on directories of the host, for the thread alone, before anything is bound from there. */
  readonly mounts: readonly CopyMount[];
  /** Shallow ones first. One whose source is missing is left out: it is made at the start. */
  readonly binds: readonly CopyBind[];
}

export interface CopyMount {
  /** An existing directory. */
  readonly at: string;
  readonly what:
    /** mount(2)'s arguments. A failure is told in docker's words, as `invalid-argument`. */
    | {
        readonly kind: 'file-system';
        readonly type: string;
        readonly device: string;
        readonly flags: number;
        readonly data: string;
      }
    /** What the directory's loop file has (image/loop-file.ts). */
    | { readonly kind: 'loop' }
    /** Of an image, topmost first. */
    | { readonly kind: 'layers'; readonly layers: readonly string[] }
    /** Of another container's first process, where it has it. */
    | { readonly kind: 'borrowed'; readonly pid: number; readonly from: string };
}

export interface CopyBind {
  readonly source: string;
  /** Beneath `source`, no link leading out of it; empty: all of it. Throws `invalid-argument` where it is not there. */
  readonly subpath: string;
  readonly destination: string;
  readonly readOnly: boolean;
}

/** Of a path in a container, its last symbolic link not followed unless a slash or `/.` is behind it. */
export interface PathStatus {
  /** `.` for a path that ends in `/.`. */
  readonly name: string;
  readonly sizeBytes: number;
  /** Type and permission bits, as the kernel has them. */
  readonly mode: number;
  readonly mtime: Timestamp;
  /** Absolute, in the container: where a symbolic link leads in the end. Empty for anything else. */
  readonly linkTarget: string;
}

/** Throws `not-found` for a path that is not there. */
export interface CopyStatusJob {
  readonly kind: 'copy-status';
  readonly root: CopyRoot;
  readonly path: string;
}

/**
 * A path as a tar, the job's output: of a directory all that is in it. Names begin with the path's last part (`.` after `/.`). Sockets
 * and what vanishes meanwhile are left out.
 */
export interface CopyOutJob {
  readonly kind: 'copy-out';
  readonly root: CopyRoot;
  readonly path: string;
}

/**
 * Unpacks a tar, the job's input, compressed or not, in a directory. Throws `not-found` for a directory that is not there and
 * `invalid-argument` for what is none, for what is mounted read-only, for a damaged archive, and for names that lead out of it.
 */
export interface CopyInJob {
  readonly kind: 'copy-in';
  readonly root: CopyRoot;
  readonly path: string;
  /** Of all that is made; undefined: as the archive says. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
  /** Refuse to replace a directory by something else, and the other way round. */
  readonly keepKinds: boolean;
}

export type CopyJob = CopyStatusJob | CopyOutJob | CopyInJob;
