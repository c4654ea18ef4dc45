import { notImplemented } from '../../common/errors.ts';
import type { Ctx } from '../../common/ctx.ts';
import type { Image } from '../images.ts';
import { parsePlatform, platformText } from '../manifest.ts';
import type { StoreParts } from '../parts.ts';
import { pushImage } from '../push/push.ts';
import { familiar, familiarName, parseReference, withDefaultTag, type Reference } from '../reference.ts';
import type { RegistryClient, RegistryHosts } from '../registry/contract.ts';
import type { Progress, PullRequest, Transfers } from '../transfers.ts';
import { Blobs } from './blobs.ts';
import { Flights } from './flights.ts';
import { pullImage, type PulledImage } from './pull.ts';
import { platformsOf } from './resolve.ts';

/** How registries are reached, and by how many at a time. */
export interface TransferOptions {
  readonly hosts: RegistryHosts;
  readonly registry: RegistryClient;
  /** Layers that are fetched at a time, now; docker's `max-concurrent-downloads`. */
  readonly maxDownloads?: () => number;
  /** Blobs that are sent at a time; docker's `max-concurrent-uploads`. */
  readonly maxUploads?: number | undefined;
  /** Of a request, and of a blob between two bytes; docker's `max-download-attempts`. */
  readonly attempts?: number;
}

export function makeTransfers(parts: StoreParts, options: TransferOptions | undefined): Transfers {
  if (options === undefined) return noTransfers();
  const { registry } = options;
  const pulls = new Pulls(parts, options);
  return {
    pull: (ctx, request, progress) => pulls.pull(ctx, request, progress),
    push: (ctx, request, progress) =>
      pushImage({ ...parts, client: registry, maxUploads: options.maxUploads }, ctx, { request, progress }),
    inspect: async (ctx, text, credentials) => {
      const { name, tag, digest } = withDefaultTag(parseReference(text));
      const repository = registry.repository(name, 'pull', credentials);
      const manifest = await repository.manifest(ctx, digest ?? tag ?? 'latest');
      const platforms = await platformsOf(repository, ctx, manifest);
      return { descriptor: manifest.descriptor, platforms, manifest: manifest.bytes };
    },
    login: (ctx, host, credentials) => registry.login(ctx, host, credentials),
    search: (ctx, request) => registry.search(ctx, request),
  };
}

function noTransfers(): Transfers {
  const missing = (): never => {
    throw notImplemented('This store knows no registries');
  };
  return { pull: missing, push: missing, inspect: missing, login: missing, search: missing };
}

class Pulls {
  readonly #parts: StoreParts;
  readonly #options: TransferOptions;
  readonly #blobs: Blobs;
  readonly #flights = new Flights<PulledImage>();

  constructor(parts: StoreParts, options: TransferOptions) {
    this.#parts = parts;
    this.#options = options;
    this.#blobs = new Blobs(parts);
  }

  async pull(ctx: Ctx, request: PullRequest, progress: (message: Progress) => void): Promise<Image[]> {
    const { content } = this.#parts;
    await content.partials.expire((digest) => content.isHeld(digest));
    const parsed = parseReference(request.reference);
    const named = request.allTags ? { ...parsed, tag: undefined } : withDefaultTag(parsed);
    const pulled: PulledImage[] = [];
    for (const reference of await this.#references(ctx, request, named)) {
      pulled.push(await this.#pullOne(ctx, { request, reference, progress }));
    }
    const shown = familiar(named);
    const isNew = pulled.some((one) => one.isNew);
    const status = isNew ? 'Downloaded newer image for' : 'Image is up to date for';
    progress({ status: `Status: ${status} ${shown}` });
    this.#parts.onEvent('pull', shown, familiarName(named.name));
    return pulled.map(({ image }) => image);
  }

  async #references(ctx: Ctx, { allTags, credentials }: PullRequest, named: Reference): Promise<Reference[]> {
    if (!allTags || named.digest !== undefined) return [named];
    const tags = await this.#options.registry.repository(named.name, 'pull', credentials).tags(ctx);
    return tags.map((tag) => ({ ...named, tag }));
  }

  async #pullOne(
    ctx: Ctx,
    what: { request: PullRequest; reference: Reference; progress: (message: Progress) => void },
  ): Promise<PulledImage> {
    const { reference, progress, request } = what;
    const { credentials } = request;
    const { name } = reference;
    const platform = parsePlatform(request.platform);
    const { hosts, registry, attempts } = this.#options;
    return this.#flights.join(ctx, {
      // Who may pull is the registry's business, so only those share who ask with the same credentials.
      key: JSON.stringify([name, reference.tag, reference.digest, platformText(platform), credentials]),
      progress,
      run: async (own, tell) => {
        const endpoints = await hosts.endpoints(name.slice(0, name.indexOf('/')));
        const repository = registry.repository(name, 'pull', credentials);
        const from = { name, endpoints, credentials, attempts };
        const pull = { reference, platform, repository, from, progress: tell };
        return pullImage(this.#parts, own, { blobs: this.#blobs, pull });
      },
    });
  }
}
