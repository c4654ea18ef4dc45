import type { Readable } from 'node:stream';
import type { Ctx } from '../../common/ctx.ts';
import type { Digest } from '../digest.ts';

/** What names a blob or a manifest (image-spec descriptor.md). */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly platform?: Platform;
  readonly artifactType?: string;
}

/** image-spec image-index.md; `os` is in Go's words (`linux`), so is `architecture` (`amd64`). */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

/**
 * Who asks, as docker's clients say it in `X-Registry-Auth` and `config.json`. An identity token is an OAuth2 refresh token, which
 * the registry's authorisation server takes in place of a password. Never logged.
 */
export interface Credentials {
  readonly username: string;
  readonly password: string;
  readonly identityToken?: string;
  readonly registryToken?: string;
}

/** How one host is reached. `url` has a scheme and no path: `https://registry-1.docker.io`. */
export interface RegistryEndpoint {
  readonly url: string;
  /** Pulls only: a mirror of the registry that was asked for. A mirror never gets the registry's credentials. */
  readonly mirror: boolean;
  readonly tls?: {
    readonly ca?: string;
    readonly cert?: string;
    readonly key?: string;
    readonly skipVerify?: boolean;
  };
}

/** Which endpoints serve a registry, in the order in which they are tried. Plain data, so that it can go to a worker. */
export interface RegistryHosts {
  /** `host` is the domain of a complete name: `docker.io`, `localhost:5000`. Throws `invalid-argument` for a bad hosts file. */
  endpoints(host: string): Promise<readonly RegistryEndpoint[]>;
}

export interface Manifest {
  readonly descriptor: Descriptor;
  /** As the registry sent it; its digest is verified. */
  readonly bytes: Uint8Array;
}

/**
 * One repository of a registry (distribution-spec 1.1, and docker's v2 before it), asked with one client's credentials. All
 * methods try the endpoints in order, refresh a token that has expired, wait as a 429 asks, and try again what a 5xx or a cut
 * connection failed (a bounded number of times). Errors: `not-found`, `permission-denied` (401 and 403, docker's text), `unavailable`
 * (network, 5xx), `deadline-exceeded` (slower than the lowest throughput), `invalid-argument` (what the registry sent is no such thing).
 * Texts are docker's: `manifest for x:y not found: manifest unknown: manifest unknown`, `pull access denied for x, repository does not
 * exist or may require 'docker login': denied: ...`, `unauthorized: authentication required`.
 */
export interface Repository {
  /** By tag or digest; at most 4 MiB. A schema 1 manifest is refused with docker's deprecation text. */
  manifest(ctx: Ctx, reference: string): Promise<Manifest>;
  /** What `reference` names, by HEAD where the registry can. Undefined when there is none. */
  manifestDescriptor(ctx: Ctx, reference: string): Promise<Descriptor | undefined>;
  /**
   * The bytes of a blob from `offset` on. Continues by Range after a cut, on the next endpoint if need be; each byte comes once.
   * The caller verifies the digest. Slower than the lowest throughput for its whole window: cut and tried again.
   */
  blob(ctx: Ctx, blob: Descriptor, offset: number): AsyncIterable<Uint8Array>;
  hasBlob(ctx: Ctx, digest: Digest): Promise<boolean>;
  /** How many bytes a blob has; undefined when it is not there, 0 when the registry does not say. */
  blobBytes(ctx: Ctx, digest: Digest): Promise<number | undefined>;
  /** Makes a blob of another repository of the same registry known in this one; false when the registry wants it sent. */
  mountBlob(ctx: Ctx, digest: Digest, from: string): Promise<boolean>;
  /** Uploads in chunks, continuing a chunk that was cut. `open(offset)` gives the blob's bytes from there on. */
  uploadBlob(
    ctx: Ctx,
    blob: Descriptor,
    open: (offset: number) => Readable,
    onBytes: (sentBytes: number) => void,
  ): Promise<void>;
  putManifest(ctx: Ctx, reference: string, manifest: Manifest): Promise<void>;
  tags(ctx: Ctx): Promise<readonly string[]>;
  /** Descriptors of manifests whose subject is `digest`; through the API, or the fallback tag where there is none. */
  referrers(ctx: Ctx, digest: Digest): Promise<readonly Descriptor[]>;
}

export interface RegistryClient {
  /** `name` is complete: `docker.io/library/busybox`. `push` asks for a token that may write. */
  repository(name: string, access: 'pull' | 'push', credentials: Credentials | undefined): Repository;
  /** Tries credentials on a registry's host; docker's `POST /auth`. Returns an identity token where the server gives one. */
  login(ctx: Ctx, host: string, credentials: Credentials): Promise<{ readonly identityToken: string }>;
  /** The hub's `/v1/search`; a registry without one: `not-found` that names it. */
  search(
    ctx: Ctx,
    request: { readonly term: string; readonly limit: number; readonly credentials: Credentials | undefined },
  ): Promise<readonly SearchResult[]>;
}

export interface SearchResult {
  readonly name: string;
  readonly description: string;
  readonly starCount: number;
  readonly isOfficial: boolean;
  readonly isAutomated: boolean;
}
