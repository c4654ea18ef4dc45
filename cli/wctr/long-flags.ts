import type { Flags } from '../../common/flags/flag.ts';

/** Go's flag package takes `-rm` for `--rm`: so scripts for ctr write it. Words up to the first argument are changed. */
export function longFlags(flags: Flags, words: readonly string[]): readonly string[] {
  const changed = [...words];
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] ?? '';
    if (word === '--' || word === '-' || !word.startsWith('-')) break;
    const [name = ''] = word.replace(/^--?/, '').split('=');
    const flag = flagNamed(flags, name);
    if (flag !== undefined && name.length > 1 && !word.startsWith('--')) changed[index] = `-${word}`;
    if (flag !== undefined && flag.isSwitch !== true && !word.includes('=')) index += 1;
  }
  return changed;
}

const flagNamed = (flags: Flags, name: string): Flags[string] | undefined =>
  Object.hasOwn(flags, name) ? flags[name] : Object.values(flags).find(({ short }) => short === name);
