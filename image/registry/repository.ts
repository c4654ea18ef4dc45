import type { Ctx } from '../../common/ctx.ts';
import { codeOf, invalidArgument, WherryError } from '../../common/errors.ts';
import { isDigest, sha256, type Digest } from '../digest.ts';
import { asObject, parseJson } from '../json.ts';
import { INDEXES, MANIFESTS, parseDocument } from '../manifest.ts';
import { familiarName } from '../reference.ts';
import { attempting, isPassing } from './attempts.ts';
import { readBlob, type BlobLimits } from './blob.ts';
import type { Descriptor, Manifest, Repository } from './contract.ts';
import { hasAnswered, pullFailure, RegistryFailure } from './failures.ts';
import type { Session } from './session.ts';
import { plain, readAll, type Incoming, type Outgoing } from './transport.ts';
import { cancelUpload, uploadBlob } from './upload.ts';

export interface RepositoryParts {
  /** Complete: `docker.io/library/busybox`. */
  readonly name: string;
  /** Asked in this order. */
  readonly sessions: () => Promise<readonly Session[]>;
  readonly limits: BlobLimits;
}

/** The registries' own limit. */
const MAX_MANIFEST_BYTES = 4 << 20;
const MAX_LIST_BYTES = 8 << 20;
const MAX_PAGES = 1000;
const PAGE = 1000;

const ACCEPTING = { accept: [...INDEXES, ...MANIFESTS].join(', ') } as const;
const EMPTY = { 'content-length': '0' } as const;
const SCHEMA_1 = /^application\/vnd\.docker\.distribution\.manifest\.v1\+(json|prettyjws)$/;

type Asked = Omit<Outgoing, 'url'> & {
  /** Behind the repository's own. */
  readonly path: string;
  readonly expected: readonly number[];
};

export const openRepository = (parts: RepositoryParts): Repository => new RemoteRepository(parts);

class RemoteRepository implements Repository {
  readonly #parts: RepositoryParts;
  /** Without its host. */
  readonly #path: string;
  readonly #familiar: string;

  constructor(parts: RepositoryParts) {
    this.#parts = parts;
    this.#path = parts.name.slice(parts.name.indexOf('/') + 1);
    this.#familiar = familiarName(parts.name);
  }

  async manifest(ctx: Ctx, reference: string): Promise<Manifest> {
    const shown = `${this.#familiar}${isDigest(reference) ? '@' : ':'}${reference}`;
    const asked = { method: 'GET', path: `/manifests/${reference}`, headers: ACCEPTING } as const;
    try {
      return await this.#ask(ctx, { ...asked, expected: [200] }, (answer) =>
        readManifest(answer, reference, shown),
      );
    } catch (error) {
      throw pullFailure(error, { shown, repository: this.#familiar });
    }
  }

  async manifestDescriptor(ctx: Ctx, reference: string): Promise<Descriptor | undefined> {
    const asked = { method: 'HEAD', path: `/manifests/${reference}`, headers: ACCEPTING } as const;
    const answer = await orNothing(this.#ask(ctx, { ...asked, expected: [200] }));
    answer?.body.resume();
    if (answer === undefined) return undefined;
    return described(answer) ?? (await this.manifest(ctx, reference)).descriptor;
  }

  async *blob(ctx: Ctx, blob: Descriptor, offset: number): AsyncGenerator<Uint8Array> {
    const { limits } = this.#parts;
    const sessions = await this.#parts.sessions();
    yield* readBlob(
      ctx,
      { sessions, path: `/v2/${this.#path}/blobs/${blob.digest}`, limits },
      { blob, offset },
    );
  }

  async hasBlob(ctx: Ctx, digest: Digest): Promise<boolean> {
    return (await this.blobBytes(ctx, digest)) !== undefined;
  }

  async blobBytes(ctx: Ctx, digest: Digest): Promise<number | undefined> {
    const asked = { method: 'HEAD', path: `/blobs/${digest}`, expected: [200] } as const;
    const answer = await orNothing(this.#ask(ctx, asked));
    answer?.body.resume();
    return answer && Number(answer.headers['content-length'] ?? 0);
  }

  async mountBlob(ctx: Ctx, digest: Digest, from: string): Promise<boolean> {
    const query = new URLSearchParams({ mount: digest, from }).toString();
    const asked = { method: 'POST', path: `/blobs/uploads/?${query}`, headers: EMPTY } as const;
    return this.#ask(ctx, { ...asked, expected: [201, 202] }, async (answer, session) => {
      answer.body.resume();
      if (answer.status === 202) await cancelUpload(ctx, session, answer);
      return answer.status === 201;
    });
  }

  async uploadBlob(...[ctx, blob, open, onBytes]: Parameters<Repository['uploadBlob']>): Promise<void> {
    const target = { sessions: await this.#parts.sessions(), path: this.#path, limits: this.#parts.limits };
    await uploadBlob(ctx, target, { blob, open, onBytes });
  }

  async putManifest(ctx: Ctx, reference: string, { descriptor, bytes }: Manifest): Promise<void> {
    const headers = { 'content-type': descriptor.mediaType, 'content-length': String(bytes.byteLength) };
    const asked = { method: 'PUT', path: `/manifests/${reference}`, headers, body: () => bytes } as const;
    const answer = await this.#ask(ctx, { ...asked, expected: [200, 201, 202] });
    answer.body.resume();
    const stated = answer.headers['docker-content-digest'];
    if (stated !== undefined && stated !== descriptor.digest)
      throw invalidArgument(`the registry took ${descriptor.digest} for ${String(stated)}`);
  }

  async tags(ctx: Ctx): Promise<readonly string[]> {
    const tags: string[] = [];
    let next: string | undefined = `/tags/list?n=${PAGE}`;
    for (let page = 0; next !== undefined && page < MAX_PAGES; page += 1) {
      const answer = await this.#tagsPage(ctx, next);
      tags.push(...tagsOf(String(await readAll(answer, MAX_LIST_BYTES))));
      next = nextPage(answer, this.#path);
    }
    return tags;
  }

  async referrers(ctx: Ctx, digest: Digest): Promise<readonly Descriptor[]> {
    const asked = { method: 'GET', path: `/referrers/${digest}`, headers: ACCEPTING } as const;
    const answer = await orNothing(this.#ask(ctx, { ...asked, expected: [200] }));
    if (answer !== undefined) {
      const bytes = await readAll(answer, MAX_MANIFEST_BYTES);
      return manifestsOf({ descriptor: indexDescriptor(answer, bytes), bytes });
    }
    // A registry without that API: the index has a tag of the digest's name (distribution-spec, "Referrers Tag Schema").
    const tagged = await orNothing(this.manifest(ctx, digest.replace(':', '-')));
    return tagged === undefined ? [] : manifestsOf(tagged);
  }

  async #tagsPage(ctx: Ctx, path: string): Promise<Incoming> {
    try {
      return await this.#ask(ctx, { method: 'GET', path, expected: [200] });
    } catch (error) {
      throw pullFailure(error, { shown: this.#familiar, repository: this.#familiar });
    }
  }

  /**
   * What `read` makes of the first endpoint's answer that is as expected; the failure of the last one that said something. A body
   * that is cut is asked for again too.
   */
  async #ask<T = Incoming>(
    ctx: Ctx,
    asked: Asked,
    read?: (answer: Incoming, session: Session) => Promise<T>,
  ): Promise<T> {
    return attempting(ctx, this.#parts.limits, async () => {
      let failure: unknown;
      for (const session of await this.#parts.sessions()) {
        const url = new URL(`${session.endpoint.url}/v2/${this.#path}${asked.path}`);
        try {
          const answer = await session.send(ctx, { ...asked, url }, asked.expected);
          return read === undefined ? (answer as T) : await read(answer, session);
        } catch (error) {
          ctx.check();
          failure = better(failure, error);
          if (hasAnswered(error, session.endpoint)) break;
        }
      }
      throw failure;
    });
  }
}

/** Of two failures the one that says more: an answer of a registry, not that nobody listens on the other port. */
const better = (one: unknown, other: unknown): unknown =>
  one instanceof RegistryFailure && isPassing(other) && !(other instanceof RegistryFailure) ? one : other;

async function readManifest(answer: Incoming, reference: string, shown: string): Promise<Manifest> {
  const bytes = await readAll(answer, MAX_MANIFEST_BYTES);
  const digest = sha256(bytes);
  if (isDigest(reference) && digest !== reference)
    throw invalidArgument(`manifest verification failed for digest ${reference}`);
  const mediaType = mediaTypeOf(answer, bytes);
  if (SCHEMA_1.test(mediaType) || isSchema1(bytes)) {
    throw invalidArgument(
      `Docker Image Format v1 and Docker Image manifest version 2, schema 1 support has been removed. Suggest the author of ${shown} to upgrade the image to the OCI Format or Docker Image manifest v2, schema 2. More information at https://docs.docker.com/go/deprecated-image-specs/`,
    );
  }
  return { descriptor: { mediaType, digest, size: bytes.length }, bytes };
}

/** The header's; a registry that gives none, or a general one, leaves it to the document. */
function mediaTypeOf({ headers }: Incoming, bytes: Buffer): string {
  const stated = (headers['content-type'] ?? '').split(';', 1)[0]?.trim() ?? '';
  if (stated.startsWith('application/vnd.')) return stated;
  const { mediaType } = asObject(parseJson(bytes.toString(), 'manifest'), 'manifest');
  return typeof mediaType === 'string' ? mediaType : stated;
}

function isSchema1(bytes: Buffer): boolean {
  try {
    return (JSON.parse(bytes.toString()) as { schemaVersion?: unknown } | null)?.schemaVersion === 1;
  } catch {
    throw invalidArgument('invalid manifest: it is no JSON');
  }
}

function described({ headers }: Incoming): Descriptor | undefined {
  const digest = headers['docker-content-digest'];
  const mediaType = headers['content-type'];
  const size = Number(headers['content-length'] ?? Number.NaN);
  return isDigest(digest) && mediaType !== undefined && Number.isSafeInteger(size)
    ? { digest, mediaType, size }
    : undefined;
}

const indexDescriptor = (answer: Incoming, bytes: Buffer): Descriptor => ({
  mediaType: mediaTypeOf(answer, bytes),
  digest: sha256(bytes),
  size: bytes.length,
});

function manifestsOf(manifest: Manifest): readonly Descriptor[] {
  const document = parseDocument(manifest);
  return document.kind === 'index' ? document.manifests : [];
}

function tagsOf(text: string): string[] {
  const { tags } = asObject(parseJson(text, 'list of tags'), 'list of tags');
  return Array.isArray(tags) ? tags.filter((tag) => typeof tag === 'string') : [];
}

/** `Link: </v2/x/tags/list?last=b&n=100>; rel="next"` (RFC 8288); what leads elsewhere is not followed. */
function nextPage(answer: Incoming, path: string): string | undefined {
  const target = /<([^>]*)>\s*;[^,]*rel="?next"?/.exec(String(answer.headers.link ?? ''))?.[1];
  if (target === undefined || !URL.canParse(target, answer.url.href)) return undefined;
  const url = new URL(target, answer.url);
  const prefix = `/v2/${path}`;
  if (url.origin === answer.url.origin && url.pathname.startsWith(`${prefix}/`))
    return `${url.pathname.slice(prefix.length)}${url.search}`;
  throw new WherryError('invalid-argument', `"${plain(answer.url)}" goes on at "${plain(url)}"`);
}

/** Undefined for what is not there. */
async function orNothing<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (codeOf(error) === 'not-found' || (error instanceof RegistryFailure && error.status === 404))
      return undefined;
    throw error;
  }
}
