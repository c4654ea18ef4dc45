import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { at } from '../lib/paths.ts';

/**
 * What a target was made of. A target is current when its recipe (flags, tool versions) and every input still have the
 * size and time of modification that they had then, and its outputs exist.
 */
interface Stamp {
  readonly recipe: string;
  readonly inputs: Readonly<Record<string, string>>;
  readonly outputs: readonly string[];
}

export function isCurrent(target: string, recipe: string): boolean {
  const stamp = read(target);
  if (stamp === undefined || stamp.recipe !== hash(recipe)) return false;
  if (!stamp.outputs.every((output) => existsSync(output))) return false;
  return Object.entries(stamp.inputs).every(([input, version]) => versionOf(input) === version);
}

export function remember(
  target: string,
  made: { readonly recipe: string; readonly inputs: readonly string[]; readonly outputs: readonly string[] },
): void {
  const inputs = Object.fromEntries(made.inputs.map((input) => [input, versionOf(input)]));
  mkdirSync(at('build/stamps'), { recursive: true });
  writeFileSync(stampPath(target), JSON.stringify({ recipe: hash(made.recipe), inputs, outputs: made.outputs }));
}

const stampPath = (target: string): string => at('build/stamps', `${target.replaceAll('/', '-')}.json`);

function read(target: string): Stamp | undefined {
  const path = stampPath(target);
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Stamp) : undefined;
}

function versionOf(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? 'gone' : `${found.size}-${found.mtimeMs}`;
}

const hash = (text: string): string => createHash('sha256').update(text).digest('hex');
