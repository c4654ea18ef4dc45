import type { FileStatus } from '../../native/sys/files.ts';
import { find, LayerStack, namesOf, statusAt } from './stack.ts';

/** One name of a tree. Valid until the next one is asked for. */
export interface Visited {
  /** Byte strings; empty for the root. */
  readonly parts: readonly string[];
  /** The open directory that holds it, and its name there: `.` in the root itself. */
  readonly fd: number;
  readonly name: string;
  readonly status: FileStatus;
}

/**
 * All that a stack of layers shows, each directory before what is in it; sorted by bytes within a directory, first what is no
 * directory. The order depends on the names alone. What vanishes meanwhile is left out. Holds one directory open at a time.
 */
export function* walkMerged(paths: readonly string[]): Generator<Visited> {
  using stack = new LayerStack(paths);
  const pending: { parts: string[]; layers: readonly number[] }[] = [
    { parts: [], layers: paths.map((_, layer) => layer) },
  ];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { parts } = next;
    using directory = stack.open(parts, next.layers);
    const [top] = directory.layers;
    const self = top === undefined ? undefined : statusAt(top.fd, '.');
    if (top === undefined || self === undefined) continue;
    yield { parts, fd: top.fd, name: '.', status: self };
    const below: typeof pending = [];
    for (const [name, where] of namesOf(directory)) {
      const found = find(name, where);
      if (found === undefined) continue;
      const at = [...parts, name];
      if (found.layers.length > 0) below.push({ parts: at, layers: found.layers });
      else yield { parts: at, fd: found.from.fd, name, status: found.status };
    }
    pending.push(...below.reverse());
  }
}
