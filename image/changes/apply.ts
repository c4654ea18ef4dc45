import { invalidArgument } from '../../common/errors.ts';
import type { ImageConfig } from '../images.ts';
import { CHANGES, type Changing } from './commands.ts';
import { instructionsOf } from './lines.ts';

/**
 * A configuration after Dockerfile instructions: docker's `--change`. All are checked for their names before any is applied. Throws
 * `invalid-argument` in docker's words. Source: moby builder/dockerfile, BuildFromConfig.
 */
export function applyChanges(config: ImageConfig, changes: readonly string[]): ImageConfig {
  const instructions = instructionsOf(changes.join('\n'));
  const commands = instructions.map((instruction) => {
    const key = instruction.name.toLowerCase();
    const command = Object.hasOwn(CHANGES, key) ? CHANGES[key] : undefined;
    if (command === undefined) throw invalidArgument(`${instruction.name} is not a valid change command`);
    return () => command(changing, instruction);
  });
  const changing: Changing = { config: { ...config }, hasCmd: false };
  for (const command of commands) command();
  return changing.config;
}
