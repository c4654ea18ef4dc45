import { arch } from 'node:process';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

/** The checkout, absolute. */
export const repository = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

export const at = (...parts: string[]): string => join(repository, ...parts);

/** Directory of an installed npm package. */
export const packageDirectory = (name: string): string => at('node_modules', name);

/** The Node that npm brought: the real binary, since npm's link would cost each start another look-up. */
export const broughtNode = (): string => join(packageDirectory(`node-linux-${arch}`), 'bin/node');
