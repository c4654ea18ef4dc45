import type { DatabaseSync } from 'node:sqlite';
import { notFound } from '../common/errors.ts';
import { transaction, writing } from '../common/sqlite.ts';
import type { PlannedImage } from './archive/planned.ts';
import { catalogRows, recordOf, type ImageRecord } from './catalog-rows.ts';
import type { Digest } from './digest.ts';
import type { Image } from './images.ts';
import { complete, familiar, parseReference, type Reference } from './reference.ts';
import type { ChainId, ImageId } from './snapshots.ts';
import type { Layers } from './snapshots/layers.ts';

/**
 * Images and their names: read from the rows once, kept in memory. A change is one transaction, then memory, without a pause
 * between. It does not decide what may be removed.
 */
export interface Catalog {
  /** Newest first. */
  list(): readonly Image[];
  get(id: ImageId): Image | undefined;
  /** The image with this name, which has a tag or a digest. */
  named(name: Reference): Image | undefined;
  /** Names of an image, sorted. */
  names(id: ImageId): Reference[];
  /** Adds images, whose layers are unpacked, with their names. One that is there already gets names, documents and source. */
  add(planned: readonly PlannedImage[]): void;
  /** Gives a name to an image, taking it from another if need be. */
  name(id: ImageId, name: Reference): void;
  unname(names: readonly Reference[]): void;
  remove(id: ImageId): void;
  /** Layers that images consist of. Do not change it. */
  liveChains(): ReadonlySet<ChainId>;
  /** Blobs that images refer to. Do not change it. */
  liveBlobs(): ReadonlySet<Digest>;
  /** Configuration, manifests, indexes; then those of its layers, lowest first. */
  blobs(id: ImageId): readonly Digest[];
  /** Repositories, by complete name, that it was pulled from, and the digest that it had there. Reads rows. */
  sources(id: ImageId): readonly { readonly repository: string; readonly digest: Digest }[];
  /** Chain ids of its layers, lowest first. */
  chains(id: ImageId): readonly ChainId[];
}

/** `onAdded` is called after images came. */
export function openCatalog(db: DatabaseSync, layers: Layers, onAdded = (): void => {}): Catalog {
  const rows = catalogRows(db);
  const memory = new CatalogMemory(layers, rows.read());
  return {
    list: () => memory.list(),
    get: (id) => memory.entries.get(id)?.image,
    named: (name) => memory.entries.get(memory.byName.get(complete(name)) ?? ('' as ImageId))?.image,
    names: (id) => (memory.entries.get(id)?.record.names ?? []).map((name) => parseReference(name)),
    add: (planned) => {
      const at = new Date().toISOString();
      transaction(db, () => {
        for (const image of planned) {
          rows.insert(image);
          for (const name of image.names) rows.setName(image.id, complete(name), at);
        }
      });
      for (const image of planned) {
        memory.add(image);
        for (const name of image.names) memory.name(image.id, complete(name), at);
      }
      onAdded();
    },
    name: (id, name) => {
      if (!memory.entries.has(id)) throw notFound(`No such image: ${id}`);
      const at = new Date().toISOString();
      transaction(db, () => rows.setName(id, complete(name), at));
      memory.name(id, complete(name), at);
    },
    unname: (names) => {
      const texts = names.map((name) => complete(name));
      transaction(db, () => texts.forEach((text) => rows.deleteName(text)));
      for (const text of texts) memory.unname(text);
    },
    remove: (id) => {
      writing(db, () => rows.delete(id));
      memory.remove(id);
    },
    liveChains: () => memory.liveChains(),
    liveBlobs: () => memory.liveBlobs(),
    sources: (id) => rows.sources(id),
    blobs: (id) => memory.entries.get(id)?.record.blobs ?? [],
    chains: (id) => memory.entries.get(id)?.record.chains ?? [],
  };
}

/** The published objects, and what is derived from them until the next change. */
class CatalogMemory {
  readonly entries = new Map<ImageId, { readonly record: ImageRecord; readonly image: Image }>();
  readonly byName = new Map<string, ImageId>();
  readonly #layers: Layers;
  #sorted: readonly Image[] | undefined;
  #chains: ReadonlySet<ChainId> | undefined;
  #blobs: ReadonlySet<Digest> | undefined;

  constructor(layers: Layers, records: readonly ImageRecord[]) {
    this.#layers = layers;
    for (const record of records) this.put(record);
  }

  add(image: PlannedImage): void {
    const before = this.entries.get(image.id)?.record;
    if (before === undefined) {
      this.put(recordOf(image));
      return;
    }
    const [config, ...others] = before.blobs;
    const documents = (image.documents ?? []).map(({ digest }) => digest);
    const fresh = documents.filter((digest) => !others.includes(digest));
    if (config !== undefined) this.put({ ...before, blobs: [config, ...fresh, ...others] });
  }

  put(record: ImageRecord): void {
    this.entries.set(record.id, { record, image: imageOf(record, this.#layers) });
    for (const name of record.names) this.byName.set(name, record.id);
    this.#changed();
  }

  name(id: ImageId, name: string, at: string): void {
    this.unname(name);
    this.byName.set(name, id);
    this.#rename(id, (names) => [...names, name], at);
  }

  unname(name: string): void {
    const id = this.byName.get(name);
    if (id === undefined) return;
    this.byName.delete(name);
    this.#rename(id, (names) => names.filter((other) => other !== name));
  }

  remove(id: ImageId): void {
    for (const name of this.entries.get(id)?.record.names ?? []) this.byName.delete(name);
    this.entries.delete(id);
    this.#changed();
  }

  list(): readonly Image[] {
    return (this.#sorted ??= [...this.entries.values()].map(({ image }) => image).sort(newestFirst));
  }

  liveChains(): ReadonlySet<ChainId> {
    return (this.#chains ??= new Set(this.#records().flatMap(({ chains }) => [...chains])));
  }

  liveBlobs(): ReadonlySet<Digest> {
    return (this.#blobs ??= new Set(this.#records().flatMap(({ blobs }) => [...blobs])));
  }

  #records(): ImageRecord[] {
    return [...this.entries.values()].map(({ record }) => record);
  }

  #rename(id: ImageId, change: (names: readonly string[]) => string[], at?: string): void {
    const entry = this.entries.get(id);
    if (entry === undefined) return;
    const { record } = entry;
    this.put({ ...record, names: change(record.names).sort(), lastTaggedAt: at ?? record.lastTaggedAt });
  }

  #changed(): void {
    this.#sorted = undefined;
    this.#chains = undefined;
    this.#blobs = undefined;
  }
}

function imageOf(record: ImageRecord, layers: Layers): Image {
  const names = record.names.map((name) => parseReference(name));
  return {
    ...record.config,
    id: record.id,
    tags: names.filter(({ digest }) => digest === undefined).map((name) => familiar(name)),
    digests: names.filter(({ digest }) => digest !== undefined).map((name) => familiar(name)),
    topChain: record.chains.at(-1),
    sizeBytes: record.chains.reduce((sum, chain) => sum + (layers.get(chain)?.sizeBytes ?? 0), 0),
    descriptor: record.descriptor,
    lastTaggedAt: record.lastTaggedAt,
  };
}

function newestFirst(a: Image, b: Image): number {
  const [left, right] = [Date.parse(a.createdAt), Date.parse(b.createdAt)];
  return right - left || (a.id < b.id ? -1 : 1);
}
