import { posix } from 'node:path';
import { invalidArgument } from '../../../../common/errors.ts';

export const PROPAGATIONS = ['private', 'rprivate', 'slave', 'rslave', 'shared', 'rshared'];
/** Groups of words of which a mode may have one each: access, SELinux label, propagation, copying, consistency, and our own. */
const MODES = [
  ['rw', 'ro'],
  ['z', 'Z'],
  PROPAGATIONS,
  ['nocopy'],
  ['consistent', 'cached', 'delegated'],
  ['idmap'],
];

/** An entry of `HostConfig.Binds`. */
export interface RawMount {
  /** An absolute path, the name of a volume, or empty for an anonymous one. */
  readonly source: string;
  readonly destination: string;
  readonly mode: string;
  readonly words: readonly string[];
}

/** Reads `source:destination[:mode]` or `destination`. Throws docker's texts for a malformed one. */
export function parseRaw(spec: string): RawMount {
  const parts = spec.split(':');
  const malformed = (): Error => invalidArgument(`invalid volume specification: '${spec}'`);
  if (parts.length > 3 || parts[0] === '') throw malformed();
  const [source = '', destination = '', mode = ''] = parts.length === 1 ? ['', ...parts] : parts;
  if (destination === '' || (parts.length === 2 && isMode(destination))) throw malformed();
  if (!isMode(mode)) throw invalidArgument(`invalid mode: ${mode}`);
  const words = mode.split(',');
  const isVolume = !source.startsWith('/');
  const foreign = (type: string, field: string): Error =>
    invalidArgument(
      `invalid volume specification: '${spec}': invalid mount config for type "${type}": field ${field} must not be specified`,
    );
  if (isVolume && words.some((word) => PROPAGATIONS.includes(word) || word === 'idmap'))
    throw foreign('volume', 'BindOptions');
  if (!isVolume && words.includes('nocopy')) throw foreign('bind', 'VolumeOptions');
  const target = absoluteTarget(destination, (reason) =>
    invalidArgument(`invalid volume specification: '${spec}': ${reason}`),
  );
  return { source, destination: target, mode, words };
}

export function absoluteTarget(target: string, fail: (reason: string) => Error): string {
  if (!target.startsWith('/')) throw fail(`invalid mount path: '${target}' mount path must be absolute`);
  const path = clean(target);
  if (path === '/') throw fail("invalid specification: destination can't be '/'");
  return path;
}

function isMode(mode: string): boolean {
  if (mode === '') return true;
  const words = mode.split(',');
  return (
    words.every((word) => MODES.some((group) => group.includes(word))) &&
    MODES.every((group) => words.filter((word) => group.includes(word)).length <= 1)
  );
}

/** Without a trailing slash, `.` and `..`, as Go's path.Clean. */
export const clean = (path: string): string => posix.normalize(path).replace(/(?<=.)\/$/, '');
