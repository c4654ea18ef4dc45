import { createRequire } from 'node:module';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { arch, dlopen } from 'node:process';
import { fileURLToPath } from 'node:url';

/**
 * The only import of koffi. `libwherry.so` is built from native/c; it is looked for beside the bundle (installed), then in
 * build/ (development). Loaded at the first use, not at import.
 */
type Koffi = typeof import('koffi');
type Library = ReturnType<Koffi['load']>;

const require = createRequire(import.meta.url);
let koffi: Koffi | undefined;
const libraries = new Map<string, Library>();

function loadKoffi(): Koffi {
  koffi ??= loadBinary() ?? (require('koffi') as Koffi);
  return koffi;
}

/**
 * koffi's binary itself: the package's own search for it reads eight files and costs a command 7 ms, where this costs one. Nothing
 * of what the package adds to the binary is used here. Undefined where it does not lie beside the package.
 */
function loadBinary(): Koffi | undefined {
  const path = join('node_modules/@koromix', `koffi-linux-${arch}`, `linux_${arch}`, 'koffi.node');
  const here = dirname(fileURLToPath(import.meta.url));
  const found = ['.', '../..'].map((up) => join(here, up, path)).find((file) => existsSync(file));
  if (found === undefined) return undefined;
  const loaded = { exports: {} };
  dlopen(loaded, found);
  return loaded.exports as Koffi;
}

export function loadLibrary(name: string): Library {
  let library = libraries.get(name);
  if (library === undefined) {
    library = loadKoffi().load(name);
    libraries.set(name, library);
  }
  return library;
}

let native: string | undefined;

/** Directory of libwherry.so and the shim. Looked for once: a thread may be in mounts where it is not, when it needs a further function. */
export const nativeDirectory = (): string => (native ??= findNativeDirectory());

function findNativeDirectory(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const candidates = [join(here, 'native'), here, join(here, '../../build/native')];
  const found = candidates.find((directory) => existsSync(join(directory, 'libwherry.so')));
  if (found === undefined) throw new Error(`Cannot find libwherry.so in ${candidates.join(', ')}: run make`);
  return found;
}

/** Binds a function of libwherry.so under a C prototype, when it is first called. */
export function bind<T extends (...args: never[]) => unknown>(prototype: string): T {
  let bound: T | undefined;
  const call = (...args: never[]): unknown => {
    bound ??= loadLibrary(join(nativeDirectory(), 'libwherry.so')).func(prototype) as unknown as T;
    return bound(...args);
  };
  return call as T;
}
