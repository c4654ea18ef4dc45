import { chmod, copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { nativeDirectory } from '../../../native/ffi/library.ts';
import type { Container } from '../contract.ts';
import type { Core } from '../core.ts';
import type { EngineConfig } from '../options.ts';

/** Path of the program that containers with `--init` get: docker's InitBinary. */
export const findInit = ({ initPath }: EngineConfig): string =>
  initPath ?? join(nativeDirectory(), 'container-init');

/** Never where another container's, or the host's, processes are the first. */
export const usesInit = ({ config }: Core, { host }: Container['config']): boolean =>
  (host.init ?? config.init) && host.namespaces.pid === '';

/**
 * Gives the container a copy of its own: one that could write to it, as root of a privileged container can, harms nobody else. Throws
 * for a configured program that is not there.
 */
export async function provideInit(core: Core, { id, config }: Container): Promise<void> {
  if (!usesInit(core, config)) return;
  const copy = core.paths.init(id);
  await copyFile(core.initProgram, copy);
  await chmod(copy, 0o755);
}
