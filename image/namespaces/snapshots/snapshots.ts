import { readdir } from 'node:fs/promises';
import { failpoint } from '../../../common/failpoints.ts';
import { KeyedLocks } from '../../../common/locks.ts';
import type { Ctx } from '../../../common/ctx.ts';
import { Undo } from '../../../common/undo.ts';
import type { ChainId } from '../../snapshots.ts';
import type { Trash } from '../../snapshots/trash.ts';
import { makeDirectories } from '../../snapshots/writable.ts';
import type { WorkerPool } from '../../workers/pool.ts';
import type { MountSpec, NamedSnapshots, NewSnapshot, SnapshotInfo } from '../contract.ts';
import type { Scope } from '../scope.ts';
import { absent, malformed, precluded, taken } from '../errors.ts';
import { checkLabels, maskedLabels, setLabels, type Labels } from '../labels.ts';
import type { LeaseHolder } from '../leases.ts';
import { mountsOf, upperOf, type StackParts } from './stack.ts';
import type { StoredSnapshot } from './stored.ts';

/** Docker's layers and containers, as snapshots of its namespace. */
export interface DockerSnapshots {
  list(namespace: string): ReadonlyMap<string, StoredSnapshot>;
  mounts(key: string): readonly MountSpec[];
}

export interface SnapshotParts extends StackParts {
  readonly hasIndex: boolean;
  readonly trash: Trash;
  readonly workers: WorkerPool;
  readonly leases: LeaseHolder;
  readonly docker: DockerSnapshots;
  /** Removes layers that nobody has any more. */
  readonly released: () => Promise<void>;
}

/** What a client asks for with it: the layer of this chain id, if it is there. */
const WANTED = 'containerd.io/snapshot.ref';
const LEASED = 'snapshots/overlayfs';

export const makeNamedSnapshots = (parts: SnapshotParts): NamedSnapshots => new SnapshotStore(parts);

class SnapshotStore implements NamedSnapshots {
  readonly #parts: SnapshotParts;
  /** By namespace: what looks at others before it makes or removes one. */
  readonly #locks = new KeyedLocks();

  constructor(parts: SnapshotParts) {
    this.#parts = parts;
  }

  list(namespace: string): readonly SnapshotInfo[] {
    const { rows, docker } = this.#parts;
    const own = rows.list(namespace).map(({ name, value }) => infoOf(name, value));
    const theirs = [...docker.list(namespace)].map(([name, value]) => infoOf(name, value));
    return [...own, ...theirs].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  stat(namespace: string, key: string): SnapshotInfo {
    return infoOf(key, this.#find(namespace, key));
  }

  update(
    namespace: string,
    { name, labels }: { name: string; labels: Labels },
    paths: readonly string[],
  ): SnapshotInfo {
    const present = this.#own(namespace, name);
    const changed = maskedLabels(present.labels, { asked: labels, paths, owner: `snapshot "${name}"` });
    checkLabels('info.Labels', changed);
    const updatedAt = new Date().toISOString();
    this.#parts.rows.put(namespace, name, { ...present, labels: setLabels(changed), updatedAt });
    return this.stat(namespace, name);
  }

  prepare(ctx: Ctx, scope: Scope, snapshot: NewSnapshot): Promise<readonly MountSpec[]> {
    return this.#create(ctx, scope, { ...snapshot, kind: 'active' });
  }

  view(ctx: Ctx, scope: Scope, snapshot: NewSnapshot): Promise<readonly MountSpec[]> {
    return this.#create(ctx, scope, { ...snapshot, kind: 'view' });
  }

  #lock(ctx: Ctx, namespace: string): Promise<Disposable> {
    return this.#locks.acquireFor(ctx, namespace, `the snapshots of namespace "${namespace}"`);
  }

  mounts(namespace: string, key: string): readonly MountSpec[] {
    const { rows, docker } = this.#parts;
    const own = rows.get(namespace, key);
    if (own === undefined && docker.list(namespace).get(key)?.kind === 'active') return docker.mounts(key);
    const snapshot = this.#find(namespace, key);
    if (snapshot.kind === 'committed')
      throw precluded(`failed to get active mount: requested snapshot ${key} not active or view`);
    return mountsOf(this.#parts, namespace, snapshot);
  }

  async commit(
    ctx: Ctx,
    scope: Scope,
    { key, name, labels }: { readonly key: string; readonly name: string; readonly labels: Labels },
  ): Promise<void> {
    const { rows, trash, directories, leases } = this.#parts;
    const { namespace } = scope;
    if (name === '') throw malformed('a committed snapshot must have a name');
    using _ = await this.#lock(ctx, namespace);
    if (rows.get(namespace, name) !== undefined) throw taken(`snapshot ${JSON.stringify(name)}`);
    const active = this.#own(namespace, key);
    if (active.kind !== 'active')
      throw precluded(`failed to commit snapshot: snapshot ${JSON.stringify(key)} is not active`);
    checkLabels('info.Labels', labels);
    const kept = await this.#keepable(ctx, active);
    leases.keep(scope, { type: LEASED, id: name });
    leases.drop(scope, { type: LEASED, id: key });
    await failpoint('snapshot.commit');
    const now = new Date().toISOString();
    rows.rename(namespace, [key, name], {
      ...{
        kind: 'committed',
        parent: active.parent,
        labels: setLabels(labels),
        createdAt: now,
        updatedAt: now,
      },
      ...(active.chain && { chain: active.chain }),
      ...kept,
    });
    if (kept.directory === undefined && active.directory !== undefined)
      await trash.put(directories.writable(active.directory));
  }

  async remove(ctx: Ctx, namespace: string, key: string): Promise<void> {
    const { rows, trash, directories, released } = this.#parts;
    using _ = await this.#lock(ctx, namespace);
    const { directory, chain } = this.#own(namespace, key);
    if (rows.list(namespace).some(({ value }) => value.parent === key))
      throw precluded('cannot remove snapshot with child');
    rows.remove(namespace, key);
    await failpoint('snapshot.removed');
    if (directory !== undefined) await trash.put(directories.writable(directory));
    if (chain !== undefined) await released();
  }

  async usage(ctx: Ctx, namespace: string, key: string): Promise<{ bytes: number; inodes: number }> {
    const { layers, directories } = this.#parts;
    const snapshot = this.#find(namespace, key);
    if (snapshot.usage !== undefined) return snapshot.usage;
    if (snapshot.directory !== undefined) return this.#measure(ctx, upperOf(this.#parts, snapshot.directory));
    const { chain, kind } = snapshot;
    const layer = chain === undefined || kind !== 'committed' ? undefined : layers.get(chain);
    if (layer === undefined) return { bytes: 0, inodes: 0 };
    using _ = layers.hold([layer.chain]);
    return await this.#measure(ctx, directories.layer(layer.directory));
  }

  async #create(
    ctx: Ctx,
    scope: Scope,
    { key, parent, labels, kind }: NewSnapshot & { readonly kind: 'active' | 'view' },
  ): Promise<MountSpec[]> {
    const { rows, directories, trash, leases } = this.#parts;
    const { namespace } = scope;
    if (key === '') throw malformed('a snapshot must have a key');
    using _ = await this.#lock(ctx, namespace);
    checkLabels('info.Labels', labels);
    this.#refuseKnown(scope, { key, parent, labels });
    if (parent !== '' && rows.get(namespace, parent) === undefined)
      throw absent(`parent snapshot ${parent} does not exist`);
    if (parent !== '' && rows.get(namespace, parent)?.kind !== 'committed')
      throw malformed(
        `failed to create snapshot: parent ${JSON.stringify(parent)} is not committed snapshot`,
      );
    leases.keep(scope, { type: LEASED, id: key });
    const now = new Date().toISOString();
    const made: StoredSnapshot = {
      ...{ kind, parent, labels: setLabels(labels) },
      createdAt: now,
      updatedAt: now,
    };
    await using undo = new Undo();
    // A view of something needs no directory.
    const directory = kind === 'view' && parent !== '' ? undefined : directories.next();
    if (directory !== undefined) {
      const path = directories.writable(directory);
      undo.defer(() => trash.put(path));
      await makeDirectories(path, this.#topOf(namespace, parent));
    }
    await failpoint('snapshot.prepare');
    const stored = directory === undefined ? made : { ...made, directory };
    rows.put(namespace, key, stored);
    undo.commit();
    return mountsOf(this.#parts, namespace, stored);
  }

  /** A layer that is asked for and there gets its name in the namespace: then there is nothing to prepare. */
  #refuseKnown(scope: Scope, { key, parent, labels }: NewSnapshot): void {
    const { rows, leases } = this.#parts;
    const { namespace } = scope;
    const wanted = labels[WANTED];
    if (wanted !== undefined && this.#adopt(scope, { name: wanted, parent, labels })) {
      leases.keep(scope, { type: LEASED, id: wanted });
      throw taken(`target snapshot ${JSON.stringify(wanted)}`);
    }
    if (rows.get(namespace, key) !== undefined) {
      leases.keep(scope, { type: LEASED, id: key });
      throw taken(`snapshot ${JSON.stringify(key)}`);
    }
  }

  #adopt(
    { namespace }: Scope,
    { name, parent, labels }: { readonly name: string; readonly parent: string; readonly labels: Labels },
  ): boolean {
    const { rows, layers } = this.#parts;
    if (rows.get(namespace, name) !== undefined) return true;
    const layer = layers.get(name as ChainId);
    const below = parent === '' ? undefined : rows.get(namespace, parent);
    if (layer === undefined || below?.directory !== undefined || layer.parent !== below?.chain) return false;
    const now = new Date().toISOString();
    const shared = { kind: 'committed', parent, chain: layer.chain, labels: setLabels(labels) } as const;
    rows.put(namespace, name, { ...shared, createdAt: now, updatedAt: now });
    return true;
  }

  /** Its directory and what is in it; nothing, when a layer of the store is all that there is. */
  async #keepable(
    ctx: Ctx,
    { chain, directory, opaqueRoot }: StoredSnapshot,
  ): Promise<Pick<StoredSnapshot, 'directory' | 'opaqueRoot' | 'usage'>> {
    if (directory === undefined) return {};
    const upper = upperOf(this.#parts, directory);
    const names = await readdir(upper);
    if (chain !== undefined && names.length === 0) return {};
    const usage = await this.#measure(ctx, upper);
    return { directory, usage, ...(opaqueRoot === true && { opaqueRoot }) };
  }

  async #measure(ctx: Ctx, path: string): Promise<{ bytes: number; inodes: number }> {
    const { diskBytes, inodeCount } = await this.#parts.workers.run(ctx, { kind: 'measure', path });
    return { bytes: diskBytes, inodes: inodeCount };
  }

  /** An upper directory is the root of its mount: it looks as that below does. */
  #topOf(namespace: string, parent: string): Parameters<typeof makeDirectories>[1] {
    const { rows, layers } = this.#parts;
    for (let name = parent; name !== '';) {
      const snapshot = rows.get(namespace, name);
      if (snapshot?.chain !== undefined) return layers.get(snapshot.chain);
      name = snapshot?.parent ?? '';
    }
    return undefined;
  }

  #find(namespace: string, key: string): StoredSnapshot {
    const { rows, docker } = this.#parts;
    const found = rows.get(namespace, key) ?? docker.list(namespace).get(key);
    if (found === undefined) throw absent(`snapshot ${key} does not exist`);
    return found;
  }

  #own(namespace: string, key: string): StoredSnapshot {
    const found = this.#parts.rows.get(namespace, key);
    if (found !== undefined) return found;
    this.#find(namespace, key);
    throw precluded(`snapshot ${key} of namespace "${namespace}" is docker's: use docker's API to change it`);
  }
}

const infoOf = (
  name: string,
  { kind, parent, labels, createdAt, updatedAt }: StoredSnapshot,
): SnapshotInfo => ({
  ...{ name, kind, parent, labels },
  createdAt: new Date(createdAt),
  updatedAt: new Date(updatedAt),
});
