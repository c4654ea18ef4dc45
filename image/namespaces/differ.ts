import { mkdir, readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Ctx } from '../../common/ctx.ts';
import { codeOf, messageOf, notFound } from '../../common/errors.ts';
import { Undo } from '../../common/undo.ts';
import type { ContentStore } from '../content.ts';
import { chainOnto, type Digest } from '../digest.ts';
import type { DiffId } from '../snapshots.ts';
import type { PackJob } from '../workers/jobs.ts';
import type { WorkerPool } from '../workers/pool.ts';
import type { Differ, MountSpec, NamedContent } from './contract.ts';
import { lacking } from './errors.ts';
import type { Rows } from './rows.ts';
import { lowersOf, upperOf, type StackParts } from './snapshots/stack.ts';
import type { StoredSnapshot } from './snapshots/stored.ts';

export interface DifferParts extends StackParts {
  readonly content: NamedContent;
  readonly store: ContentStore;
  readonly workers: WorkerPool;
}

interface Active {
  readonly key: string;
  readonly snapshot: StoredSnapshot & { readonly directory: number };
}

const PLAIN = /^application\/vnd\.(oci\.image\.layer\.v1\.tar|docker\.image\.rootfs\.diff\.tar)$/;
const GZIP = /^application\/vnd\.(oci\.image\.layer\.v1\.tar\+gzip|docker\.image\.rootfs\.diff\.tar\.gzip)$/;
const UNCOMPRESSED = 'containerd.io/uncompressed';

export function makeDiffer(parts: DifferParts): Differ {
  return {
    apply: async (ctx, namespace, { digest, mounts }) => {
      const { rows, layers, content, workers } = parts;
      await using blob = await openBlob(content, ctx, { namespace, digest });
      const { key, snapshot } = findActive(parts, namespace, mounts);
      if ((await readdir(upperOf(parts, snapshot.directory))).length > 0)
        throw lacking(`a layer over what the snapshot ${key} has`);
      const { diffId, sizeBytes } = await workers.run(ctx, { kind: 'diff-id', path: blob.path });
      const below = snapshot.parent === '' ? undefined : rows.get(namespace, snapshot.parent);
      // A second layer comes on top of the first.
      const isShared =
        snapshot.chain !== undefined ||
        snapshot.parent === '' ||
        (below?.chain !== undefined && below.directory === undefined);
      const source = { blob: blob.path, diffId: diffId as DiffId };
      if (!isShared) {
        await unpackInto(parts, ctx, { namespace, snapshot, key, source });
        return { diffId, sizeBytes };
      }
      const parent = snapshot.chain ?? below?.chain;
      const chain = chainOnto(parent, diffId as DiffId);
      using _ = layers.hold(parent === undefined ? [chain] : [chain, parent]);
      await layers.ensure(ctx, { ...source, chain, parent });
      rows.put(namespace, key, { ...snapshot, chain });
      return { diffId, sizeBytes };
    },
    diff: async (ctx, scope, { left, right, mediaType, labels }) => {
      const { content, store, workers } = parts;
      const type = mediaType === '' ? 'application/vnd.oci.image.layer.v1.tar+gzip' : mediaType;
      if (!PLAIN.test(type) && !GZIP.test(type)) throw lacking(`unsupported diff media type: ${type}`);
      const from = await between(directoriesOf(left), directoriesOf(right));
      await using incoming = await store.ingest();
      const file = join(incoming.directory, 'diff');
      const made = await workers.run(ctx, { kind: 'pack', file, from, plain: PLAIN.test(type) });
      const digest = made.digest as Digest;
      await workers.run(ctx, { kind: 'sync', path: incoming.directory });
      const given = PLAIN.test(type) ? labels : { [UNCOMPRESSED]: made.diffId, ...labels };
      await content.adopt(ctx, scope, { file, digest, labels: given });
      return { mediaType: type, digest, size: made.sizeBytes, annotations: {} };
    },
  };
}

/** As containerd's differ says what it does not find. */
async function openBlob(
  content: NamedContent,
  ctx: Ctx,
  { namespace, digest }: { readonly namespace: string; readonly digest: Digest },
): ReturnType<NamedContent['open']> {
  try {
    return await content.open(ctx, namespace, digest);
  } catch (error) {
    if (codeOf(error) !== 'not-found') throw error;
    throw notFound(`failed to get reader from content store: ${messageOf(error)}`, { cause: error });
  }
}

/** Beside the layers of the store, since what is below is in none of them. */
async function unpackInto(
  parts: DifferParts,
  ctx: Ctx,
  into: {
    readonly namespace: string;
    readonly key: string;
    readonly snapshot: Active['snapshot'];
    readonly source: { readonly blob: string; readonly diffId: DiffId };
  },
): Promise<void> {
  const { namespace, key, snapshot, source } = into;
  const target = upperOf(parts, snapshot.directory);
  await rmdir(target);
  await using undo = new Undo();
  undo.defer(() => mkdir(target, { mode: 0o755 }));
  const unpacked = await parts.workers.run(ctx, { kind: 'unpack', target, ...source });
  undo.commit();
  const { implied, impliesRoot, opaqueRoot } = unpacked;
  if (implied.length > 0 || impliesRoot) {
    const lowers = lowersOf(parts, namespace, snapshot);
    await parts.workers.run(ctx, { kind: 'settle', directory: target, lowers, implied, impliesRoot });
  }
  if (opaqueRoot) parts.rows.put(namespace, key, { ...snapshot, opaqueRoot });
}

function findActive(parts: DifferParts, namespace: string, mounts: readonly MountSpec[]): Active {
  const { upper, lowers } = directoriesOf(mounts);
  const path = upper ?? lowers[0];
  const rows: Rows<StoredSnapshot> = parts.rows;
  for (const { name, value } of rows.list(namespace)) {
    const { directory, kind } = value;
    if (kind !== 'active' || directory === undefined || upperOf(parts, directory) !== path) continue;
    return { key: name, snapshot: { ...value, directory } };
  }
  throw lacking('diffs are applied to active snapshots of overlayfs only');
}

interface MountedDirectories {
  readonly upper: string | undefined;
  readonly lowers: readonly string[];
}

function directoriesOf(mounts: readonly MountSpec[]): MountedDirectories {
  const [mount] = mounts;
  if (mount === undefined) return { upper: undefined, lowers: [] };
  if (mounts.length > 1) throw lacking('mounts on top of one another');
  if (mount.type === 'bind') return { upper: undefined, lowers: [mount.source] };
  const option = (name: string): string | undefined =>
    mount.options.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1);
  return { upper: option('upperdir'), lowers: option('lowerdir')?.split(':') ?? [] };
}

/** The directory that `right` has on top of those of `left`, else both. */
async function between(left: MountedDirectories, right: MountedDirectories): Promise<PackJob['from']> {
  const [from, to] = [left, right].map(({ upper, lowers }) =>
    upper === undefined ? lowers : [upper, ...lowers],
  ) as [readonly string[], readonly string[]];
  const [upper, ...lowers] = to;
  if (upper !== undefined && lowers.join(':') === from.join(':')) return { upper, lowers };
  // A view of nothing is an empty directory.
  const [only, ...more] = from;
  const isNothing = only !== undefined && more.length === 0 && (await readdir(only)).length === 0;
  return upper !== undefined && lowers.length === 0 && isNothing ? { upper, lowers } : { from, to };
}
