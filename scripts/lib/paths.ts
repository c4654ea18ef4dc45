import { createRequire } from 'node:module';
import { arch } from 'node:process';
import { fileURLToPath } from 'node:url';
import { dirname, join } from 'node:path';

/** The checkout, absolute. */
export const repository = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

export const at = (...parts: string[]): string => join(repository, ...parts);

/** Directory of an installed npm package. */
export function packageDirectory(name: string): string {
  return dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));
}

/** The Node that npm brought: the real binary, since npm's link would cost each start another look-up. */
export const broughtNode = (): string => join(packageDirectory(`node-linux-${arch}`), 'bin/node');
