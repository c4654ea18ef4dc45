import { notFound } from '../../../common/errors.ts';
import type { VolumeRow, VolumeState, VolumeStore } from '../../store/volumes.ts';

/** Volumes as the engine holds them; what is not in it is nobody's, or a plugin's. */
export interface VolumeTable {
  all(): IterableIterator<VolumeRow>;
  find(name: string): VolumeRow | undefined;
  /** Throws `not-found`, `no such volume`. */
  get(name: string): VolumeRow;
  insert(row: VolumeRow): void;
  setState(name: string, state: VolumeState): void;
  remove(name: string): void;
  /** Until disposed the volume counts as used: a container is about to refer to it. */
  hold(names: readonly string[]): Disposable;
  isHeld(name: string): boolean;
}

export function createVolumeTable(store: VolumeStore): VolumeTable {
  const rows = new Map(store.all().map((row) => [row.name, row]));
  const held = new Map<string, number>();
  const count = (name: string, by: number): void => {
    const left = (held.get(name) ?? 0) + by;
    if (left === 0) held.delete(name);
    else held.set(name, left);
  };
  const get = (name: string): VolumeRow => {
    const row = rows.get(name);
    if (row === undefined) throw notFound('no such volume');
    return row;
  };
  return {
    all: () => rows.values(),
    find: (name) => rows.get(name),
    get,
    insert: (row) => {
      store.insert(row);
      rows.set(row.name, row);
    },
    setState: (name, state) => {
      store.setState(name, state);
      rows.set(name, { ...get(name), state });
    },
    remove: (name) => {
      store.remove(name);
      rows.delete(name);
    },
    hold: (names) => {
      for (const name of names) count(name, 1);
      return {
        [Symbol.dispose]: () => {
          for (const name of names) count(name, -1);
        },
      };
    },
    isHeld: (name) => held.has(name),
  };
}
