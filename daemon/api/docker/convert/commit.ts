import type { ImageConfig } from '../../../../image/images.ts';
import { readCommitBody } from '../wire/commit.ts';

/** Undefined for no body and for `null`: the container's own configuration. */
export function commitConfig(text: string): ImageConfig | undefined {
  const trimmed = text.trim();
  if (trimmed === '' || trimmed === 'null') return undefined;
  const { Cmd, Entrypoint, ExposedPorts, Volumes, ...plain } = readCommitBody(trimmed);
  return {
    ...plain,
    ...(Cmd === undefined ? {} : { Cmd: listOf(Cmd) }),
    ...(Entrypoint === undefined ? {} : { Entrypoint: listOf(Entrypoint) }),
    ...(ExposedPorts === undefined ? {} : { ExposedPorts: namesOf(ExposedPorts) }),
    ...(Volumes === undefined ? {} : { Volumes: namesOf(Volumes) }),
  };
}

const listOf = (value: string | readonly string[]): readonly string[] =>
  typeof value === 'string' ? [value] : value;

const namesOf = (value: Readonly<Record<string, unknown>>): Record<string, object> =>
  Object.fromEntries(Object.keys(value).map((name) => [name, {}]));
