import { join } from 'node:path';
import { mkdir, readdir, setApart } from '../../common/patient-fs.ts';

const PRIVATE = 0o700;

/**
 * Where snapshots are: `l/<n>` is an unpacked layer, `w/<n>/u` and `w/<n>/w` are upper and work directory of a writable snapshot,
 * `t/<n>` is on its way out. Numbers are short, because overlay's options have a limit of a page where they are one string.
 * A number is never used again while its directory may exist.
 */
export interface Directories {
  readonly root: string;
  readonly trash: string;
  layer(number: number): string;
  writable(number: number): string;
  /** A number that no directory has. */
  next(): number;
  /** The numbers on disk. */
  layers(): Promise<number[]>;
  writables(): Promise<number[]>;
}

/** Nobody but root gets past the parents, so the layers' own modes, which are the images', open nothing. */
export async function openDirectories(root: string): Promise<Directories> {
  setApart(root);
  const [layers, writables, trash] = ['l', 'w', 't'].map((name) => join(root, name)) as [
    string,
    string,
    string,
  ];
  for (const path of [root, layers, writables, trash]) await mkdir(path, { recursive: true, mode: PRIVATE });
  const used = await Promise.all([layers, writables, trash].map((path) => numbersIn(path)));
  let last = used.flat().reduce((a, b) => Math.max(a, b), 0);
  return {
    root,
    trash,
    layer: (number) => join(layers, String(number)),
    writable: (number) => join(writables, String(number)),
    next: () => (last += 1),
    layers: () => numbersIn(layers),
    writables: () => numbersIn(writables),
  };
}

const numbersIn = async (path: string): Promise<number[]> =>
  (await readdir(path)).filter((name) => /^\d{1,15}$/.test(name)).map(Number);
