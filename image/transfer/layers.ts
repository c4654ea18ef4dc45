import { makeCtx, type Ctx } from '../../common/ctx.ts';
import { messageOf } from '../../common/errors.ts';
import { shortId } from '../../common/ids.ts';
import { chainIds } from '../digest.ts';
import type { StoreParts } from '../parts.ts';
import type { WholeBlob } from '../rebuild/contract.ts';
import type { Descriptor } from '../registry/contract.ts';
import type { ChainId, DiffId } from '../snapshots.ts';
import type { UnpackRequest } from '../snapshots/layers.ts';
import type { Progress } from '../transfers.ts';
import type { FetchProgress, RemoteRepository, UnpackedLayer } from '../workers/jobs.ts';
import type { Blobs } from './blobs.ts';

export interface LayersRequest {
  readonly from: RemoteRepository;
  readonly layers: readonly Descriptor[];
  readonly diffIds: readonly DiffId[];
  readonly progress: (message: Progress) => void;
}

interface Wanted {
  readonly chain: ChainId;
  readonly parent: ChainId | undefined;
  readonly diffId: DiffId;
  readonly blob: Descriptor;
}

type Parts = Pick<StoreParts, 'content' | 'layers' | 'rebuilt'>;

/**
 * Fetches and unpacks what is missing of an image's layers, all at once; returns when none is under way any more, also after a
 * failure. The caller holds blobs and chains. Tells docker's words for each layer.
 */
export class LayerFetcher {
  readonly #parts: Parts;
  readonly #blobs: Blobs;

  constructor(parts: Parts, blobs: Blobs) {
    this.#parts = parts;
    this.#blobs = blobs;
  }

  async ensure(ctx: Ctx, request: LayersRequest): Promise<void> {
    const { layers, diffIds, progress } = request;
    const chains = chainIds(diffIds);
    const all = layers.flatMap((blob, index): Wanted[] => {
      const [chain, diffId] = [chains[index], diffIds[index]];
      return chain === undefined || diffId === undefined
        ? []
        : [{ chain, parent: chains[index - 1], diffId, blob }];
    });
    const missing = all.filter((layer) => !this.#isThere(layer));
    for (const layer of all) {
      progress(spoken(layer.blob, missing.includes(layer) ? 'Pulling fs layer' : 'Already exists'));
    }
    // The first that fails ends the others: the image will not come.
    const abort = new AbortController();
    const own = makeCtx(ctx.log, AbortSignal.any([ctx.signal, abort.signal]));
    const settled = await Promise.allSettled(
      missing.map(async (layer) => {
        try {
          await this.#fetch(own, request, layer);
        } catch (error) {
          abort.abort(error);
          throw error;
        }
      }),
    );
    const failed = settled.find((result) => result.status === 'rejected');
    ctx.check();
    if (failed !== undefined) throw abort.signal.reason;
  }

  #isThere({ chain, blob }: Wanted): boolean {
    return this.#parts.layers.get(chain) !== undefined && this.#blobs.has(blob.digest);
  }

  async #fetch(ctx: Ctx, { from, progress }: LayersRequest, layer: Wanted): Promise<void> {
    const { blob } = layer;
    using _ = this.#blobs.news.follow(blob.digest, (report) => {
      for (const message of messagesOf(blob, report)) progress(message);
    });
    await using whole = await this.#open(ctx, layer);
    const { chain, parent, diffId } = layer;
    const unpack = async (target: string): Promise<UnpackedLayer> => {
      let started = false;
      const word = this.#blobs.news.follow(blob.digest, () => (started = true));
      setImmediate(() => {
        if (!started && !ctx.signal.aborted) progress(spoken(blob, 'Waiting'));
        word[Symbol.dispose]();
      });
      const { unpacked } = await this.#blobs.fetch(ctx, { blob, from, layer: { target, diffId } });
      if (unpacked === undefined) throw new Error('The layer was not unpacked');
      return unpacked;
    };
    const request: UnpackRequest = whole
      ? { chain, parent, diffId, blob: whole.path }
      : { chain, parent, unpack };
    if (whole) progress({ ...spoken(blob, 'Extracting'), progressDetail: bar(blob, 0) });
    await this.#parts.layers.ensure(ctx, request);
    // The layer may have come from another blob of the same content, and this one may be pushed some day.
    if (!this.#blobs.has(blob.digest)) await this.#blobs.fetch(ctx, { blob, from, layer: undefined });
    progress(spoken(blob, 'Pull complete'));
  }

  /** The blob, when it is here and the layer is not: perhaps made again, of an image that has the same layer on top of others. */
  async #open(ctx: Ctx, { chain, blob }: Wanted): Promise<WholeBlob | undefined> {
    const { content, layers, rebuilt } = this.#parts;
    if (content.size(blob.digest) === undefined) {
      if (layers.get(chain) !== undefined || !rebuilt.can(blob.digest)) return undefined;
    }
    try {
      return await rebuilt.open(ctx, blob.digest);
    } catch (error) {
      ctx.check();
      ctx.log.warn('A blob is fetched again', { digest: blob.digest, error: messageOf(error) });
      return undefined;
    }
  }
}

const nameOf = ({ digest }: Descriptor): string => shortId(digest);

/** Docker has an empty `progressDetail` in each of them. */
const spoken = (blob: Descriptor, status: string): Progress => ({
  status,
  progressDetail: {},
  id: nameOf(blob),
});

const bar = ({ size }: Descriptor, bytes: number): NonNullable<Progress['progressDetail']> => ({
  current: bytes,
  total: size,
});

function messagesOf(blob: Descriptor, progress: FetchProgress): Progress[] {
  switch (progress.kind) {
    case 'started':
      return [];
    case 'fetching':
      return [{ ...spoken(blob, 'Downloading'), progressDetail: bar(blob, progress.bytes) }];
    case 'verifying':
      return [spoken(blob, 'Verifying Checksum')];
    case 'fetched':
      return [
        spoken(blob, 'Download complete'),
        { ...spoken(blob, 'Extracting'), progressDetail: bar(blob, blob.size) },
      ];
  }
}
