import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringifyExact } from '../../../runtime/exact-json.ts';
import { bundleProcess, bundleSpec } from '../../../runtime/foreign/bundle-spec.ts';
import {
  bundleFiles,
  type ForeignContainer,
  type ForeignRuntime,
  type ForeignSpec,
} from '../../../runtime/foreign/contract.ts';
import type { Process } from '../../../runtime/spec.ts';
import type { Paths } from '../paths.ts';
import { runtimePath } from './choose.ts';

/** Who has the container: written before the runtime hears of it, so that a later daemon, with another configuration, finds it. */
const RUNTIME = 'runtime.json';

/** Below the shim's directory: it goes with the run. */
export const bundleOf = (paths: Paths, id: string): string => join(paths.shim(id), 'bundle');

export const foreignContainer = (paths: Paths, id: string, runtime: ForeignRuntime): ForeignContainer => ({
  id,
  runtime,
  bundle: bundleOf(paths, id),
  env: [`PATH=${runtimePath()}`],
});

/** The shim's directory is there. */
export async function writeBundle(runtime: ForeignRuntime, spec: ForeignSpec): Promise<void> {
  const { bundle } = spec;
  await mkdir(bundle, { mode: 0o700 });
  await Promise.all([
    writeFile(join(bundle, RUNTIME), JSON.stringify(runtime), { mode: 0o600 }),
    writeFile(join(bundle, bundleFiles.config), stringifyExact(bundleSpec(spec)), { mode: 0o600 }),
  ]);
}

/** Into the directory of an exec's shim. */
export const writeProcess = (directory: string, process: Process): Promise<void> =>
  writeFile(join(directory, bundleFiles.process), stringifyExact(bundleProcess(process)), { mode: 0o600 });

/** Undefined for a container of our own runtime, and for one of whose run nothing is left. */
export async function readRuntime(bundle: string): Promise<ForeignRuntime | undefined> {
  const text = await readFile(join(bundle, RUNTIME), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  // Cut off where the daemon was killed as it wrote it: the runtime has not heard of the container.
  return text === undefined || text === '' ? undefined : (JSON.parse(text) as ForeignRuntime);
}
