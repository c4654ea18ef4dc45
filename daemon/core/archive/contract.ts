import type { Ctx } from '../../../common/ctx.ts';
import type { PathStatus } from '../../../image/copy/contract.ts';

/** What is copied into a container, and how. */
export interface CopyInRequest {
  /** Of an existing directory in the container. */
  readonly path: string;
  /** A tar, compressed or not; read to its end, and not closed. */
  readonly archive: AsyncIterable<Uint8Array>;
  /** All belongs to the container's user (docker's `copyUIDGID`); otherwise owners are the archive's. */
  readonly asUser: boolean;
  /** Refuse to replace a directory by something else, and the other way round. */
  readonly keepKinds: boolean;
}

/**
 * A container's files as it sees them, with its volumes, binds and tmpfs mounts, running, frozen or not: docker's `archive`. Paths are
 * of the container, symbolic links in them count from its root; image/copy/contract.ts has what keeps them there. Throws `not-found`
 * `Could not find the file x in container y`, and `conflict` for a container that is being removed.
 */
export interface ContainerFiles {
  /** Takes no lock. */
  status(ctx: Ctx, reference: string, path: string): Promise<PathStatus>;
  /** Throws before the first byte. Takes no lock; publishes `archive-path`. Who stops reading ends it. */
  copyOut(
    ctx: Ctx,
    reference: string,
    path: string,
  ): Promise<{ readonly status: PathStatus; readonly archive: AsyncIterable<Uint8Array> }>;
  /**
   * Publishes `extract-to-dir`. Holds a stopped container's lock: it does not start meanwhile, and an upload that stands still for a
   * minute is ended. Ends with the container when it runs. What was unpacked by then stays.
   */
  copyIn(ctx: Ctx, reference: string, request: CopyInRequest): Promise<void>;
}
