import { matchesGlob } from 'node:path';
import type { Image } from '../../../image/images.ts';
import type { Engine } from '../../core/contract.ts';
import { parseFilters, type Filters } from './filters.ts';
import { flag, text, type Query } from './query.ts';
import { untilMs } from './until.ts';
import { differs, type ApiVersion } from './versions.ts';
import { summarizeImage } from './convert/image.ts';

const FILTERS = ['dangling', 'label', 'before', 'since', 'reference', 'until'];

interface Look {
  readonly version: ApiVersion;
  /** Whether the containers of each image are counted, and the bytes that it shares. */
  readonly counts: boolean;
  readonly shares: boolean;
}

/** Answer of `GET /images/json`, newest first. */
export const listImages = (engine: Engine, query: Query, version: ApiVersion): object[] =>
  summaries(engine, query, {
    version,
    counts: differs.countsContainers(version),
    shares: flag(query, 'shared-size'),
  });

/** The images of `GET /system/df`. */
export const imagesWithUsage = (engine: Engine, version: ApiVersion): object[] =>
  summaries(engine, {}, { version, counts: true, shares: true });

function summaries(
  { images, containers, disk }: Engine,
  query: Query,
  { version, counts, shares }: Look,
): object[] {
  const filters = parseFilters(text(query, 'filters'), FILTERS);
  const dangling = filters.truth('dangling');
  const inRange = createdBetween(filters, (reference) => images.get(reference));
  const users = containers.list();
  const shared = shares ? sharedSizes(disk) : undefined;
  return images
    .list()
    .filter((image) => inRange(image) && filters.labels('label', image.config.Labels ?? {}))
    .flatMap((image) => {
      const shown = {
        tags: image.tags.filter((tag) => isNamed(filters, tag)),
        digests: image.digests.filter((digest) => isNamed(filters, digest)),
        containers: counts ? users.filter(({ imageId }) => imageId === image.id).length : -1,
        sharedBytes: shared === undefined ? -1 : (shared.get(image.id) ?? 0),
      };
      const nameless = shown.tags.length === 0 && shown.digests.length === 0;
      if (nameless && (dangling === false || filters.has('reference'))) return [];
      if (dangling === true && shown.tags.length > 0) return [];
      return [summarizeImage(image, shown, version)];
    });
}

/** `before`, `since` name images, `until` a time; several of one kind narrow the range. */
function createdBetween(filters: Filters, get: (reference: string) => Image): (image: Image) => boolean {
  const created = (reference: string) => Date.parse(get(reference).createdAt);
  const before = Math.min(Infinity, ...filters.values('before').map(created), ...until(filters));
  const since = Math.max(-Infinity, ...filters.values('since').map(created));
  return ({ createdAt }) => {
    const time = Date.parse(createdAt);
    return !(time >= before) && !(time <= since);
  };
}

const until = (filters: Filters): number[] => filters.values('until').map((value) => untilMs(value));

/** A pattern matches the repository, or the repository with its tag, as a path. */
function isNamed(filters: Filters, reference: string): boolean {
  const patterns = filters.values('reference');
  if (patterns.length === 0) return true;
  const repository = reference.replace(/@.*$/, '').replace(/:[^:/]*$/, '');
  return patterns.some((pattern) => matchesGlob(reference, pattern) || matchesGlob(repository, pattern));
}

/** Bytes that each image shares with others. */
const sharedSizes = (disk: Engine['disk']): ReadonlyMap<string, number> =>
  new Map(disk.usage().images.map(({ id, sharedBytes }) => [id, sharedBytes]));
