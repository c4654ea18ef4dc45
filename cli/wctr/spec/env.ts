import { readFileSync } from 'node:fs';

/** `changes` on top of `base`: a name again replaces the first, a name alone takes it away. */
export function mergeEnv(base: readonly string[], changes: readonly string[]): string[] {
  const merged = [...base];
  for (const change of changes) {
    const [name = ''] = change.split('=', 1);
    const index = merged.findIndex((each) => each.split('=', 1)[0] === name);
    if (!change.includes('=')) {
      if (index >= 0) merged.splice(index, 1);
    } else if (index >= 0) merged[index] = change;
    else merged.push(change);
  }
  return merged;
}

/** `NAME=value` a line; empty lines and those that begin with # are none. */
export const readEnvFile = (path: string): string[] =>
  readFileSync(path, 'utf8')
    .split('\n')
    .map((line) => line.replace(/\r$/, '').trimStart())
    .filter((line) => line !== '' && !line.startsWith('#'));
