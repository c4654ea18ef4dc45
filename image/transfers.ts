import type { Ctx } from '../common/ctx.ts';
import type { Image } from './images.ts';
import type { Credentials, Descriptor, Platform, SearchResult } from './registry/contract.ts';

/** One message of docker's progress stream (`jsonmessage`), without the error that may end it. */
export interface Progress {
  /** Of a layer: its digest's first 12 hex digits; of the first line of a pull: the tag. */
  readonly id?: string;
  readonly status?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
  readonly aux?: unknown;
}

export interface PullRequest {
  /** As a client writes it: `busybox`, `localhost:5000/a@sha256:...`. Without tag and digest: `latest`. */
  readonly reference: string;
  readonly allTags: boolean;
  /** `os[/architecture[/variant]]`; undefined: this machine's. */
  readonly platform: string | undefined;
  readonly credentials: Credentials | undefined;
}

export interface PushRequest {
  /** Without a tag: `latest`. */
  readonly reference: string;
  readonly allTags: boolean;
  /** Only this one of several (docker's `--platform`). */
  readonly platform: string | undefined;
  readonly credentials: Credentials | undefined;
}

/** What `GET /distribution/x/json` answers. */
export interface RemoteImage {
  readonly descriptor: Descriptor;
  readonly platforms: readonly Platform[];
  /** As the registry sent it: what `manifest inspect` prints. */
  readonly manifest?: Uint8Array;
}

/** Images between registries and this store. Progress has docker's words; a call ends when ctx does, and keeps what was fetched. */
export interface Transfers {
  /**
   * Pulls one image, or all tags of a repository. Many clients that want the same are served by one transfer, which stops when the
   * last of them has left. Bytes that were fetched stay for the next attempt, also over a restart. An image is published when all of
   * it is on the disk: names, then the event `pull`. Errors are the registry's, in docker's words.
   */
  pull(ctx: Ctx, request: PullRequest, progress: (message: Progress) => void): Promise<readonly Image[]>;
  /** Pushes what the reference names here, or all tags of the repository. Throws `not-found` with docker's text where there is none. */
  push(ctx: Ctx, request: PushRequest, progress: (message: Progress) => void): Promise<void>;
  /** Asks the registry, not the store. */
  inspect(ctx: Ctx, reference: string, credentials: Credentials | undefined): Promise<RemoteImage>;
  /** `host`: docker's `serveraddress`, with or without scheme and path; empty is docker's hub. */
  login(ctx: Ctx, host: string, credentials: Credentials): Promise<{ readonly identityToken: string }>;
  search(
    ctx: Ctx,
    request: { readonly term: string; readonly limit: number; readonly credentials: Credentials | undefined },
  ): Promise<readonly SearchResult[]>;
}
