import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Ctx } from '../../../common/ctx.ts';
import { unavailable } from '../../../common/errors.ts';
import { failpoint } from '../../../common/failpoints.ts';
import { mkdir, readdir, rm, stat } from '../../../common/patient-fs.ts';
import { isErrno } from '../../../native/sys/files.ts';
import type { ContentStore } from '../../content.ts';
import { isDigest, type Digest } from '../../digest.ts';
import type { WorkerPool } from '../../workers/pool.ts';
import type { Ingest, Ingests, IngestStatus, NamedContent } from '../contract.ts';
import type { Scope } from '../scope.ts';
import { absent, precluded, taken } from '../errors.ts';
import type { Labels } from '../labels.ts';
import type { LeaseHolder } from '../leases.ts';
import type { Rows } from '../rows.ts';
import type { StoredContent } from './content.ts';
import { writingDirectory } from './writing.ts';

/** As its row has it. */
export interface StoredIngest {
  /** Its file's name. */
  readonly file: number;
  readonly total: number;
  readonly expected: string;
  readonly startedAt: string;
}

export interface IngestParts {
  readonly rows: Rows<StoredIngest>;
  readonly contents: Rows<StoredContent>;
  readonly content: NamedContent;
  readonly store: ContentStore;
  readonly leases: LeaseHolder;
  readonly workers: WorkerPool;
}

export interface IngestStore extends Ingests {
  /** Removes files that no row owns. */
  sweep(): Promise<void>;
  /** Forgets those that began before, but for those that somebody writes or a lease holds. */
  expire(before: Date, isKept: (namespace: string, ref: string) => boolean): Promise<void>;
}

/** One file a reference. */
export async function openIngests(parts: IngestParts): Promise<IngestStore> {
  const directory = writingDirectory(parts.store);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  return new IngestFiles(parts, directory);
}

class IngestFiles implements IngestStore {
  readonly #parts: IngestParts;
  readonly #directory: string;
  /** By namespace and reference: since when somebody writes. */
  readonly #writers = new Map<string, Date>();
  #last: number;

  constructor(parts: IngestParts, directory: string) {
    this.#parts = parts;
    this.#directory = directory;
    this.#last = parts.rows.all().reduce((last, { value }) => Math.max(last, value.file), 0);
  }

  list(namespace: string): Promise<readonly IngestStatus[]> {
    return Promise.all(this.#parts.rows.list(namespace).map(({ name, value }) => this.#read(name, value)));
  }

  async status(namespace: string, ref: string): Promise<IngestStatus> {
    return this.#read(ref, this.#find(namespace, ref));
  }

  async abort(namespace: string, ref: string): Promise<void> {
    const { file } = this.#find(namespace, ref);
    this.#parts.rows.remove(namespace, ref);
    await rm(this.#path(file), { force: true });
  }

  async sweep(): Promise<void> {
    const owned = new Set(this.#parts.rows.all().map(({ value }) => String(value.file)));
    for (const name of await readdir(this.#directory)) {
      if (!owned.has(name)) await rm(join(this.#directory, name), { force: true });
    }
  }

  async expire(before: Date, isKept: (namespace: string, ref: string) => boolean): Promise<void> {
    for (const { namespace, name, value } of this.#parts.rows.all()) {
      if (new Date(value.startedAt) >= before || this.#writers.has(keyOf(namespace, name))) continue;
      if (!isKept(namespace, name)) await this.abort(namespace, name);
    }
  }

  async open(
    scope: Scope,
    { ref, total, expected }: { readonly ref: string; readonly total: number; readonly expected: string },
  ): Promise<Ingest> {
    const { rows, contents, leases, store } = this.#parts;
    const { namespace } = scope;
    if (isDigest(expected) && contents.get(namespace, expected) !== undefined) {
      leases.keep(scope, { type: 'content', id: expected });
      throw taken(`content ${expected}`);
    }
    const key = keyOf(namespace, ref);
    const since = this.#writers.get(key);
    if (since !== undefined) throw locked(ref, since);
    this.#writers.set(key, new Date());
    try {
      leases.keep(scope, { type: 'ingests', id: ref });
      const present = rows.get(namespace, ref);
      const stored = present ?? {
        ...{ file: (this.#last += 1), total, expected },
        startedAt: new Date().toISOString(),
      };
      if (present === undefined) rows.put(namespace, ref, stored);
      // What others have need not be sent again; a client that sends it nevertheless begins anew.
      const there = isDigest(expected) ? store.size(expected) : undefined;
      const file = await open(this.#path(stored.file), 'a+', 0o600);
      const { size } = await file.stat();
      return new OpenIngest({
        ...{ parts: this.#parts, scope, ref, stored, file, path: this.#path(stored.file) },
        offset: size,
        shared:
          there !== undefined && size === 0 ? { digest: expected as Digest, bytes: there.bytes } : undefined,
        closed: () => void this.#writers.delete(key),
      });
    } catch (error) {
      this.#writers.delete(key);
      throw error;
    }
  }

  #find(namespace: string, ref: string): StoredIngest {
    const found = this.#parts.rows.get(namespace, ref);
    if (found === undefined) throw absent(`reference ${ref}`);
    return found;
  }

  async #read(ref: string, { file, total, expected, startedAt }: StoredIngest): Promise<IngestStatus> {
    const begun = new Date(startedAt);
    try {
      const { size, mtime } = await stat(this.#path(file));
      return { ref, offset: size, total, expected, startedAt: begun, updatedAt: mtime };
    } catch (error) {
      if (!isErrno(error, 'ENOENT')) throw error;
      return { ref, offset: 0, total, expected, startedAt: begun, updatedAt: begun };
    }
  }

  readonly #path = (file: number): string => join(this.#directory, String(file));
}

const keyOf = (namespace: string, ref: string): string => `${namespace}\0${ref}`;

const locked = (ref: string, since: Date): Error =>
  unavailable(
    `ref ${ref} locked for ${((Date.now() - since.getTime()) / 1000).toFixed(3)}s (since ${since.toISOString()}): unavailable`,
  );

interface Opened {
  readonly parts: IngestParts;
  readonly scope: Scope;
  readonly ref: string;
  readonly stored: StoredIngest;
  readonly file: FileHandle;
  readonly path: string;
  readonly offset: number;
  readonly shared: { readonly digest: Digest; readonly bytes: number } | undefined;
  readonly closed: () => void;
}

class OpenIngest implements Ingest {
  readonly #opened: Opened;
  #offset: number;
  #shared: Opened['shared'];
  #updatedAt = new Date();
  /** Over all bytes of the file; undefined until somebody asks. */
  #hash: Hash | undefined;
  #isOpen = true;

  constructor(opened: Opened) {
    this.#opened = opened;
    this.#offset = opened.offset;
    this.#shared = opened.shared;
  }

  status(): IngestStatus {
    const { ref, stored } = this.#opened;
    return {
      ...{ ref, total: this.#shared?.bytes ?? stored.total, expected: stored.expected },
      offset: this.#shared?.bytes ?? this.#offset,
      startedAt: new Date(stored.startedAt),
      updatedAt: this.#updatedAt,
    };
  }

  async truncate(bytes: number): Promise<void> {
    this.#shared = undefined;
    this.#hash = undefined;
    await this.#opened.file.truncate(bytes);
    this.#offset = bytes;
  }

  async write(data: Uint8Array): Promise<void> {
    const { file } = this.#opened;
    this.#shared = undefined;
    for (let at = 0; at < data.byteLength;) {
      const { bytesWritten } = await file.write(data, at);
      at += bytesWritten;
      this.#offset += bytesWritten;
    }
    this.#hash?.update(data);
    this.#updatedAt = new Date();
  }

  async digestSoFar(): Promise<Digest> {
    if (this.#shared !== undefined) return this.#shared.digest;
    if (this.#hash === undefined) {
      const hash = createHash('sha256');
      for await (const bytes of createReadStream(this.#opened.path)) hash.update(bytes as Buffer);
      this.#hash = hash;
    }
    return `sha256:${this.#hash.copy().digest('hex')}` as Digest;
  }

  async commit(
    ctx: Ctx,
    {
      total,
      expected,
      labels,
    }: { readonly total: number; readonly expected: string; readonly labels: Labels },
  ): Promise<Digest> {
    const { parts, scope, path, ref } = this.#opened;
    const { offset } = this.status();
    if (total > 0 && offset !== total)
      throw precluded(`${JSON.stringify(ref)} failed size validation: ${offset} != ${total}`);
    const digest = await this.#digest(ctx);
    if (expected !== '' && digest !== expected)
      throw precluded(`unexpected commit digest ${digest}, expected ${expected}`);
    const isThere = parts.contents.get(scope.namespace, digest) !== undefined;
    await failpoint('ingest.commit');
    if (!isThere)
      await parts.content.adopt(ctx, scope, {
        ...{ digest, labels },
        file: this.#shared === undefined ? path : undefined,
      });
    parts.leases.drop(scope, { type: 'ingests', id: ref });
    parts.rows.remove(scope.namespace, ref);
    await this.#close();
    await rm(path, { force: true });
    if (isThere) throw taken(`content ${digest}`);
    return digest;
  }

  async #digest(ctx: Ctx): Promise<Digest> {
    const { parts, file, path } = this.#opened;
    if (this.#shared !== undefined) return this.#shared.digest;
    await file.datasync();
    return (await parts.workers.run(ctx, { kind: 'digest', path })) as Digest;
  }

  async #close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#opened.closed();
    await this.#opened.file.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#close();
  }
}
