import { stat } from '../../common/patient-fs.ts';
import type { Ctx } from '../../common/ctx.ts';
import { messageOf } from '../../common/errors.ts';
import { failpoint } from '../../common/failpoints.ts';
import { Undo } from '../../common/undo.ts';
import { isErrno } from '../../native/sys/files.ts';
import { chainOnto, type Digest } from '../digest.ts';
import type { CheckRequest, Damage } from '../disk.ts';
import type { TreePair } from '../layers/compare.ts';
import type { StoreParts } from '../parts.ts';
import type { ChainId, DiffId } from '../snapshots.ts';
import type { Layer } from '../snapshots/layers.ts';
import { layerBlobs, layerOwners } from './usage.ts';

interface LayerCheck {
  readonly chain: ChainId;
  /** Blobs that are damaged. */
  readonly bad: ReadonlySet<Digest>;
  /** Layers that are damaged, and stay so. */
  readonly badChains: ReadonlySet<ChainId>;
  readonly request: CheckRequest;
}

/** Holds a layer against its blob, or against its figures; undefined when it is whole. */
export async function checkLayer(
  parts: StoreParts,
  ctx: Ctx,
  { chain, bad, badChains, request }: LayerCheck,
): Promise<Damage | undefined> {
  const layer = parts.layers.get(chain);
  if (layer === undefined) return undefined;
  const images = layerOwners(parts).get(chain) ?? [];
  const damage = (problem: string): Damage => ({
    what: 'layer',
    digest: chain,
    images,
    problem,
    repaired: false,
  });
  const source = sourceOf(parts, layer, bad);
  if (source === undefined) {
    const problem = await measured(parts, ctx, layer);
    return problem === undefined ? undefined : damage(`${problem}; there is no blob to unpack it from again`);
  }
  // Its image may be newer than the check, and be removed meanwhile.
  using _blob = parts.content.hold([source.blob]);
  await using undo = new Undo();
  const whole = parts.layers.stack(chain).every((below) => !badChains.has(below.chain));
  const { fresh, implied } = await unpackBeside(parts, ctx, { layer, source, undo, whole });
  const trees = { layer, fresh, timeless: implied, unchecked: whole ? [] : implied };
  const problem = (await isThere(parts, layer)) ? await compared(parts, ctx, trees) : gone(parts, layer);
  if (problem === undefined) return undefined;
  if (!request.repair) return damage(problem);
  if (!whole && implied.length > 0) return damage(`${problem}; a layer below it is damaged too`);
  await parts.workers.run(ctx, { kind: 'sync', path: parts.directories.root });
  if ((await isThere(parts, layer)) && isMounted(parts, chain, request)) {
    return damage(`${problem}; a running container has it mounted: stop it and check again`);
  }
  const before = parts.layers.exchange(fresh);
  undo.commit();
  request.onExchanged?.();
  await failpoint('layer.exchanged');
  await parts.layers.discard([before]);
  return { ...damage(problem), repaired: true };
}

interface Source {
  readonly blob: Digest;
  readonly diffId: DiffId;
}

/** Any whole blob that some image has for this layer, or a namespace. */
function sourceOf(parts: StoreParts, { chain, parent }: Layer, bad: ReadonlySet<Digest>): Source | undefined {
  const { catalog, owners, rebuilt } = parts;
  const isWhole = (blob: Digest): boolean => !bad.has(blob) && rebuilt.sizeBytes(blob) !== undefined;
  for (const { id, diffIds } of catalog.list()) {
    const index = catalog.chains(id).indexOf(chain);
    const [blob, diffId] = [layerBlobs(parts, id)[index], diffIds[index]];
    if (blob !== undefined && diffId !== undefined && isWhole(blob)) return { blob, diffId };
  }
  return owners.layers().find(({ blob, diffId }) => chainOnto(parent, diffId) === chain && isWhole(blob));
}

interface Beside {
  readonly layer: Layer;
  readonly source: Source;
  /** Gets what takes the second copy away. */
  readonly undo: Undo;
  /** The layers below are. */
  readonly whole: boolean;
}

/** The layer as it should be, in a directory of its own. */
async function unpackBeside(
  { layers, directories, workers, trash, rebuilt }: StoreParts,
  ctx: Ctx,
  { layer, source, undo, whole }: Beside,
): Promise<{ readonly fresh: Layer; readonly implied: readonly string[] }> {
  const directory = directories.next();
  const target = directories.layer(directory);
  undo.defer(() => trash.put(target));
  await using blob = await rebuilt.open(ctx, source.blob);
  const { diffId } = source;
  const unpacked = await workers.run(ctx, { kind: 'unpack', blob: blob.path, diffId, target });
  const { implied, impliesRoot, sizeBytes, diskBytes, entryCount, opaqueRoot } = unpacked;
  const lowers = layer.parent === undefined || !whole ? [] : layers.paths(layers.stack(layer.parent));
  const root = await workers.run(ctx, { kind: 'settle', directory: target, lowers, implied, impliesRoot });
  const { chain, parent } = layer;
  const fresh = { chain, parent, directory, sizeBytes, diskBytes, entryCount, opaqueRoot, root };
  return { fresh, implied: impliesRoot ? ['', ...implied] : implied };
}

interface Trees extends Pick<TreePair, 'timeless' | 'unchecked'> {
  readonly layer: Layer;
  readonly fresh: Layer;
}

async function compared(
  { directories, workers }: StoreParts,
  ctx: Ctx,
  { layer, fresh, ...how }: Trees,
): Promise<string | undefined> {
  const path = directories.layer(layer.directory);
  const right = directories.layer(fresh.directory);
  try {
    const found = await workers.run(ctx, { kind: 'compare', left: path, right, ...how });
    return found === undefined ? undefined : `"${path}" differs from its blob: ${found}`;
  } catch (error) {
    ctx.check();
    return `"${path}" cannot be read: ${messageOf(error)}`;
  }
}

async function measured(
  { directories, workers }: StoreParts,
  ctx: Ctx,
  layer: Layer,
): Promise<string | undefined> {
  const path = directories.layer(layer.directory);
  try {
    const { diskBytes, entryCount } = await workers.run(ctx, { kind: 'measure', path });
    if (entryCount === layer.entryCount && diskBytes === layer.diskBytes) return undefined;
    return `"${path}" has ${entryCount} entries of ${diskBytes} bytes on the disk, it had ${layer.entryCount} of ${layer.diskBytes}`;
  } catch (error) {
    ctx.check();
    return `"${path}" cannot be read: ${messageOf(error)}`;
  }
}

const gone = ({ directories }: StoreParts, { directory }: Layer): string =>
  `"${directories.layer(directory)}" is missing`;

async function isThere({ directories }: StoreParts, { directory }: Layer): Promise<boolean> {
  try {
    return (await stat(directories.layer(directory))).isDirectory();
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return false;
    throw error;
  }
}

function isMounted(
  { layers, snapshots, owners }: StoreParts,
  chain: ChainId,
  { mounted }: CheckRequest,
): boolean {
  const tops = new Set([...snapshots.topsOf(mounted?.() ?? []), ...owners.mountable()]);
  return [...tops].some((top) => layers.stack(top).some((layer) => layer.chain === chain));
}
