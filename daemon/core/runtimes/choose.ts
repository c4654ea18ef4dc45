import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import { invalidArgument } from '../../../common/errors.ts';
import { DEFAULT_PATH } from '../../../runtime/default-spec.ts';
import type { ForeignRuntime } from '../../../runtime/foreign/contract.ts';
import type { Container } from '../contract.ts';
import type { Core } from '../core.ts';
import { isRuntime, OWN_RUNTIME, type ConfiguredRuntime } from './contract.ts';

/** What runs the container, undefined for ourselves. Throws `invalid-argument` for a name that is configured no longer. */
export function runtimeOf(
  { config }: Pick<Core, 'config'>,
  container: Container,
): ConfiguredRuntime | undefined {
  const { runtime = OWN_RUNTIME } = container.config.host;
  const { runtimes } = config;
  if (!isRuntime(runtimes, runtime)) throw invalidArgument(`unknown or invalid runtime name: ${runtime}`);
  return Object.hasOwn(runtimes, runtime) ? runtimes[runtime] : undefined;
}

export const runtimePath = (): string => process.env['PATH'] ?? DEFAULT_PATH;

/** Where a program without a path is; one with a path is looked at by who executes it. */
export async function findRuntime({ path, args }: ConfiguredRuntime): Promise<ForeignRuntime> {
  if (path.includes('/')) return { path, args };
  for (const directory of runtimePath().split(':')) {
    const candidate = join(directory, path);
    const isThere = await access(candidate, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere && directory.startsWith('/')) return { path: candidate, args };
  }
  throw invalidArgument(`exec: ${JSON.stringify(path)}: executable file not found in $PATH`);
}
