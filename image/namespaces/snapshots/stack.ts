import { join } from 'node:path';
import type { ChainId } from '../../snapshots.ts';
import type { Directories } from '../../snapshots/directories.ts';
import type { Layers } from '../../snapshots/layers.ts';
import type { MountSpec } from '../contract.ts';
import { absent } from '../errors.ts';
import type { Rows } from '../rows.ts';
import type { StoredSnapshot } from './stored.ts';

export interface StackParts {
  readonly rows: Rows<StoredSnapshot>;
  readonly directories: Directories;
  readonly layers: Layers;
}

export const upperOf = ({ directories }: StackParts, directory: number): string =>
  join(directories.writable(directory), 'u');
export const workOf = ({ directories }: StackParts, directory: number): string =>
  join(directories.writable(directory), 'w');

/** The directories below a snapshot's own, topmost first. */
export function lowersOf(parts: StackParts, namespace: string, { chain, parent }: StoredSnapshot): string[] {
  if (chain !== undefined) return pathsOf(parts, chain);
  return parent === '' ? [] : shownBy(parts, namespace, parent);
}

/** The directories of a committed snapshot, topmost first. */
export function shownBy(parts: StackParts, namespace: string, name: string): string[] {
  const snapshot = parts.rows.get(namespace, name);
  if (snapshot === undefined) throw absent(`parent snapshot ${name} does not exist`);
  const { directory, opaqueRoot = false } = snapshot;
  if (directory === undefined) return lowersOf(parts, namespace, snapshot);
  const own = upperOf(parts, directory);
  return opaqueRoot ? [own] : [own, ...lowersOf(parts, namespace, snapshot)];
}

const pathsOf = ({ layers }: StackParts, chain: ChainId): string[] => layers.paths(layers.stack(chain));

/** As containerd's overlay snapshotter has them: what needs no overlay is a bind mount. */
export function mountsOf(
  parts: StackParts & { readonly hasIndex: boolean },
  namespace: string,
  snapshot: StoredSnapshot,
): MountSpec[] {
  const { kind, directory } = snapshot;
  const lowers = lowersOf(parts, namespace, snapshot);
  const own = directory === undefined ? undefined : upperOf(parts, directory);
  if (lowers.length === 0) return [bind(own ?? '', kind === 'view' ? 'ro' : 'rw')];
  const index = parts.hasIndex ? ['index=off'] : [];
  if (directory !== undefined && own !== undefined && kind === 'active') {
    const writable = [`workdir=${workOf(parts, directory)}`, `upperdir=${own}`];
    return [overlay([...index, ...writable, `lowerdir=${lowers.join(':')}`])];
  }
  const [only = ''] = lowers;
  return lowers.length === 1 ? [bind(only, 'ro')] : [overlay([...index, `lowerdir=${lowers.join(':')}`])];
}

const bind = (source: string, access: string): MountSpec => ({
  ...{ type: 'bind', source },
  options: [access, 'rbind'],
});
const overlay = (options: readonly string[]): MountSpec => ({ type: 'overlay', source: 'overlay', options });
