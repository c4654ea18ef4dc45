import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { execPath } from 'node:process';
import { fileURLToPath } from 'node:url';
import type { ForeignRuntime } from './contract.ts';

const BOOT = 'wherry-runtime-boot.cjs';

/** Our own runtime as a program of its own: what bin/wherry-runtime starts, beside the daemon's bundle, else where the build puts it. */
export function ownRuntime(): ForeignRuntime {
  const here = dirname(fileURLToPath(import.meta.url));
  const built = join(here, '../../build/lib');
  const lib = existsSync(join(here, BOOT)) ? here : built;
  return { path: execPath, args: ['--min-semi-space-size=4', '--', join(lib, BOOT)] };
}
