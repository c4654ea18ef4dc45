import { access } from 'node:fs/promises';
import { messageOf } from '../../common/errors.ts';
import { failpoint } from '../../common/failpoints.ts';
import type { StoreParts } from '../parts.ts';
import { makeCheckpoints } from './checkpoints.ts';
import { findGarbage, type Found } from './collect.ts';
import { makeNamedContent } from './content/content.ts';
import { openIngests, type IngestStore } from './content/ingests.ts';
import type { Collected, Namespaced, Node } from './contract.ts';
import { makeDiffer } from './differ.ts';
import { makeDockerView } from './docker.ts';
import { makeNamedImages } from './images.ts';
import { makeLeaseHolder, makeLeases } from './leases.ts';
import type { NamespacedTables } from './owners.ts';
import { makeNamedSnapshots } from './snapshots/snapshots.ts';

/** After the last deletion: a client that deletes many things does it in one go. */
const PAUSE_MS = 10_000;
/** Of what nobody goes on writing. */
const INGEST_AGE_MS = 24 * 60 * 60 * 1000;

/** Opens what containerd's API names of the store, and removes what a crash left of contents on their way in. */
export async function openNamespaced(parts: StoreParts, tables: NamespacedTables): Promise<Namespaced> {
  const { layers, directories, trash, workers, content: store, rebuilt, catalog } = parts;
  const hasIndex = await isThere('/sys/module/overlay/parameters/index');
  const docker = makeDockerView({ catalog, layers, snapshots: parts.snapshots, hasIndex });
  const collector = new Collector(parts, tables);
  const onDelete = (): void => collector.soon();
  const leases = makeLeases(tables.lease, onDelete);
  const holder = makeLeaseHolder(leases, tables.lease);
  const content = makeNamedContent({
    ...{ rows: tables.content, store, rebuilt, docker: docker.content },
    ...{ leases: holder, onDelete },
  });
  const ingests = await openIngests({
    ...{ rows: tables.ingest, contents: tables.content, content, store, leases: holder, workers },
  });
  await ingests.sweep();
  collector.ingests = ingests;
  const stack = { rows: tables.snapshot, directories, layers };
  return {
    tables,
    images: makeNamedImages({ rows: tables.image, docker: docker.images, onDelete }),
    content,
    ingests,
    snapshots: makeNamedSnapshots({
      ...{ ...stack, hasIndex, trash, workers, leases: holder, docker: docker.snapshots },
      released: async () => layers.discard(layers.forget(parts.live())),
    }),
    differ: makeDiffer({ ...stack, content, store, workers }),
    checkpoints: makeCheckpoints({ content, store, workers }),
    leases,
    collect: () => collector.run(),
    collectSoon: onDelete,
    onCollected: (listener) => void collector.listeners.add(listener),
    onRoots: (roots) => void collector.roots.add(roots),
    close: () => collector.close(),
  };
}

class Collector {
  readonly listeners = new Set<(collected: Collected) => void>();
  readonly roots = new Set<() => Iterable<Node>>();
  ingests: IngestStore | undefined;
  readonly #parts: StoreParts;
  readonly #tables: NamespacedTables;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(parts: StoreParts, tables: NamespacedTables) {
    this.#parts = parts;
    this.#tables = tables;
  }

  soon(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.run().catch((error: unknown) =>
        this.#parts.ctx.log.error('Cannot collect what namespaces have no use for', {
          error: messageOf(error),
        }),
      );
    }, PAUSE_MS).unref();
  }

  /** One after the other. */
  run(): Promise<void> {
    clearTimeout(this.#timer);
    const next = this.#running.catch(() => {}).then(() => this.#collect());
    this.#running = next;
    return next;
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#running.catch(() => {});
  }

  async #collect(): Promise<void> {
    const { image, content, snapshot, lease } = this.#tables;
    const more = [...this.roots].flatMap((roots) => [...roots()]);
    const tables = { images: image, content, snapshots: snapshot, leases: lease };
    const garbage = findGarbage(tables, more);
    // Until here nothing has waited: nobody has got a reference to any of it since.
    const directories = this.#forget(garbage);
    await failpoint('namespaces.forgotten');
    const { trash, directories: places, collect } = this.#parts;
    for (const directory of directories) await trash.put(places.writable(directory));
    // Also of what was deleted by its name, and is no garbage any more.
    await collect(this.#parts.ctx);
    await this.#expireIngests();
    for (const each of garbage) if (each.kind !== 'lease') for (const tell of this.listeners) tell(each);
  }

  /** The rows; returns the directories that they owned. */
  #forget(garbage: readonly Found[]): number[] {
    const { image, content, snapshot, lease } = this.#tables;
    const directories: number[] = [];
    for (const { kind, namespace, name } of garbage) {
      const owned = kind === 'snapshot' ? snapshot.get(namespace, name)?.directory : undefined;
      if (owned !== undefined) directories.push(owned);
      const table = { image, content, snapshot, lease, ingest: undefined }[kind];
      table?.remove(namespace, name);
    }
    return directories;
  }

  async #expireIngests(): Promise<void> {
    const { lease } = this.#tables;
    const leased = new Set(
      lease
        .all()
        .flatMap(({ namespace, value }) =>
          value.resources.filter(({ type }) => type === 'ingests').map(({ id }) => `${namespace}\0${id}`),
        ),
    );
    const before = new Date(Date.now() - INGEST_AGE_MS);
    await this.ingests?.expire(before, (namespace, ref) => leased.has(`${namespace}\0${ref}`));
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}
