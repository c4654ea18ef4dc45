import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { sha256 } from '../../image/digest.ts';
import { configOf, squeeze, type ImageParts, type Squeeze } from './image-archives.ts';
import { startProxy, type Fault } from './fault-proxy.ts';
import { startRegistry } from './registry.ts';

/** What happens to one answer that has a blob. */
export interface Mischief {
  /** Changes bytes on their way. */
  readonly corrupt?: boolean;
  /** Cuts the connection behind so many bytes. */
  readonly cutAfterBytes?: number;
}

/** Debian's docker-registry, and before it a proxy that counts and does as it is told. */
export interface PullRegistry {
  /** Of the proxy: `127.0.0.1:1234`. */
  readonly host: string;
  /** Of blobs, that went out. */
  readonly sentBytes: number;
  /** `GET`s of this blob. */
  gets(digest: string): number;
  /** Bytes a second of each answer; 0: as fast as it goes. */
  throttle(bytesPerSecond: number): void;
  /** Sends no blob any further once so many bytes went out. */
  stopAt(bytes: number): void;
  /** Asked for each answer with a blob. */
  onBlob(decide: (digest: string) => Mischief | undefined): void;
  /** Puts an image there, gzipped unless told otherwise; returns its parts' digests. */
  push(parts: ImageParts, name: string, options?: PushOptions): Promise<PushedImage>;
  putBlob(repository: string, blob: Uint8Array): Promise<string>;
  /** Returns the digest. */
  putManifest(repository: string, tag: string, document: { readonly mediaType: string }): Promise<string>;
}

export interface PushOptions {
  readonly how?: Squeeze;
  readonly manifest?: object;
  readonly config?: object;
}

export interface PushedImage {
  readonly manifest: string;
  readonly manifestBytes: number;
  readonly layers: readonly { readonly digest: string; readonly size: number }[];
}

const STEP_MS = 5;

/** Both end with the test. */
export async function pullRegistry(t: TestContext): Promise<PullRegistry> {
  const behind = await startRegistry(t);
  const faults = new BlobFaults();
  const front = await startProxy(t, behind);
  front.decide = (incoming) => faults.decideAll(incoming);
  return {
    host: front.host,
    get sentBytes() {
      return faults.sentBytes;
    },
    gets: (digest) => faults.gets.get(digest) ?? 0,
    throttle: (bytesPerSecond) => void (faults.bytesPerSecond = bytesPerSecond),
    stopAt: (bytes) => void (faults.limitBytes = bytes),
    onBlob: (decide) => void (faults.decide = decide),
    ...uploads(`http://${behind.host}/v2`),
  };
}

const OCI = 'application/vnd.oci.image';
const LAYER: Readonly<Record<Squeeze, string>> = {
  none: 'tar',
  gzip: 'tar+gzip',
  zstd: 'tar+zstd',
  bzip2: 'tar',
  xz: 'tar',
};

/** Through the registry's API, without a client. `base` ends in `/v2`. */
export function uploads(base: string): Pick<PullRegistry, 'push' | 'putBlob' | 'putManifest'> {
  const checked = async (response: Response): Promise<Response> => {
    if (!response.ok) throw new Error(`${response.url}: ${response.status} ${await response.text()}`);
    return response;
  };
  const putBlob = async (repository: string, blob: Uint8Array): Promise<string> => {
    const digest = sha256(blob);
    const begun = await checked(await fetch(`${base}/${repository}/blobs/uploads/`, { method: 'POST' }));
    const location = new URL(begun.headers.get('location') ?? '', base);
    location.searchParams.set('digest', digest);
    const headers = { 'content-type': 'application/octet-stream' };
    await checked(await fetch(location, { method: 'PUT', body: Buffer.from(blob), headers }));
    return digest;
  };
  const putManifest = async (
    repository: string,
    tag: string,
    document: { readonly mediaType: string },
  ): Promise<string> => {
    const body = JSON.stringify(document);
    const headers = { 'content-type': document.mediaType };
    await checked(await fetch(`${base}/${repository}/manifests/${tag}`, { method: 'PUT', body, headers }));
    return sha256(body);
  };
  const push = async (parts: ImageParts, name: string, options: PushOptions = {}): Promise<PushedImage> => {
    const [repository = '', tag = 'latest'] = name.split(':');
    const how = options.how ?? 'gzip';
    const layers = [];
    for (const layer of parts.layers) {
      const blob = squeeze(layer, how);
      const digest = await putBlob(repository, blob);
      layers.push({ mediaType: `${OCI}.layer.v1.${LAYER[how]}`, digest, size: blob.byteLength });
    }
    const config = configOf(parts);
    const document = {
      schemaVersion: 2,
      mediaType: `${OCI}.manifest.v1+json`,
      config: {
        mediaType: `${OCI}.config.v1+json`,
        digest: await putBlob(repository, config),
        size: config.byteLength,
        ...options.config,
      },
      layers,
      ...options.manifest,
    };
    const manifest = await putManifest(repository, tag, document);
    return { manifest, manifestBytes: JSON.stringify(document).length, layers };
  };
  return { push, putBlob, putManifest };
}

class BlobFaults {
  readonly gets = new Map<string, number>();
  sentBytes = 0;
  bytesPerSecond = 0;
  limitBytes = Number.POSITIVE_INFINITY;
  decide: (digest: string) => Mischief | undefined = () => undefined;

  decideAll({ method, url = '' }: IncomingMessage): false | Fault {
    const digest = /\/blobs\/(sha256:[0-9a-f]{64})/.exec(url)?.[1];
    if (digest === undefined || method !== 'GET') return false;
    return { relay: (response, answer) => void this.#send(digest, response, answer) };
  }

  async #send(digest: string, response: IncomingMessage, answer: ServerResponse): Promise<void> {
    this.gets.set(digest, (this.gets.get(digest) ?? 0) + 1);
    const { corrupt = false, cutAfterBytes = Number.POSITIVE_INFINITY } = this.decide(digest) ?? {};
    let bytes = 0;
    try {
      for await (const part of this.#paced(response, answer)) {
        if (bytes + part.byteLength > cutAfterBytes) break;
        if (corrupt && bytes === 0) part[0] = (part[0] ?? 0) ^ 1;
        bytes += part.byteLength;
        this.sentBytes += part.byteLength;
        if (!answer.write(part)) await drained(answer);
      }
      if (bytes === Number(response.headers['content-length'])) answer.end();
      else answer.destroy();
    } catch {
      answer.destroy();
    }
  }

  /** As fast and as far as was said; ends when nobody listens any more. */
  async *#paced(response: IncomingMessage, answer: ServerResponse): AsyncGenerator<Buffer> {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      for (const part of this.#parts(chunk)) {
        while (this.sentBytes >= this.limitBytes && !answer.destroyed) await sleep(STEP_MS);
        if (answer.destroyed) return;
        yield part;
        if (this.bytesPerSecond > 0) await sleep((part.byteLength * 1000) / this.bytesPerSecond);
      }
    }
  }

  *#parts(chunk: Buffer): Generator<Buffer> {
    const { bytesPerSecond } = this;
    const step = bytesPerSecond === 0 ? chunk.byteLength : Math.max(1, (bytesPerSecond * STEP_MS) / 1000);
    for (let at = 0; at < chunk.byteLength; at += step) yield chunk.subarray(at, at + step);
  }
}

async function drained(answer: ServerResponse): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  answer.once('drain', resolve).once('close', resolve);
  await promise;
  answer.off('drain', resolve).off('close', resolve);
}
