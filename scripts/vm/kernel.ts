import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { at } from '../lib/paths.ts';
import { run } from '../lib/run.ts';

/** A kernel that scripts/setup has unpacked. */
export interface Kernel {
  readonly release: string;
  readonly image: string;
  /** Its `/lib/modules/<release>`. */
  readonly modules: string;
}

const UNPACKED = at('build/vm/kernel');

/** The newest kernel below build/vm, its modules indexed. Throws where scripts/setup has not been. */
export async function findKernel(): Promise<Kernel> {
  const image = globSync(`${UNPACKED}/boot/vmlinuz-*`).toSorted().at(-1);
  if (image === undefined) throw new Error('There is no kernel in build/vm: run sh scripts/setup vm');
  const release = basename(image).slice('vmlinuz-'.length);
  const modules = join(UNPACKED, 'lib/modules', release);
  if (!existsSync(join(modules, 'modules.dep'))) await run('busybox', 'depmod', '-b', UNPACKED, release);
  return { release, image, modules };
}

/** Paths of these modules and of all that they need, below `kernel.modules`, in the order in which they can be loaded. */
export function loadOrder(kernel: Kernel, names: readonly string[]): string[] {
  const needs = new Map(
    readFileSync(join(kernel.modules, 'modules.dep'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.split(':'))
      .map(([path = '', needed = '']) => [path, needed.split(' ').filter((word) => word !== '')] as const),
  );
  const byName = new Map([...needs.keys()].map((path) => [moduleName(path), path]));
  const order = new Set<string>();
  const add = (path: string): void => {
    if (order.has(path)) return;
    for (const needed of needs.get(path) ?? []) add(needed);
    order.add(path);
  };
  for (const name of names) {
    const path = byName.get(name);
    if (path === undefined) throw new Error(`Linux ${kernel.release} has no module "${name}"`);
    add(path);
  }
  return [...order];
}

const moduleName = (path: string): string =>
  basename(path)
    .replace(/\.ko.*$/, '')
    .replaceAll('-', '_');
