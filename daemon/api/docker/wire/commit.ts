import Type, { type Static } from 'typebox';
import type { ImageConfig } from '../../../../image/images.ts';
import { reader } from './json.ts';

const optional = Type.Optional;
const strings = Type.Array(Type.String());
const command = Type.Union([Type.String(), strings]);
const set = Type.Record(Type.String(), Type.Unknown());

/** Body of `POST /commit`: docker's Config, as far as an image keeps it. */
const CommitBody = Type.Object({
  User: optional(Type.String()),
  ExposedPorts: optional(set),
  Env: optional(strings),
  Cmd: optional(command),
  Entrypoint: optional(command),
  Volumes: optional(set),
  WorkingDir: optional(Type.String()),
  Labels: optional(Type.Record(Type.String(), Type.String())),
  StopSignal: optional(Type.String()),
  Shell: optional(strings),
  OnBuild: optional(strings),
});

const readBody = reader(CommitBody);

/** Undefined for no body and for `null`: the container's own configuration. */
export function readCommitBody(text: string): ImageConfig | undefined {
  const trimmed = text.trim();
  if (trimmed === '' || trimmed === 'null') return undefined;
  const body: Static<typeof CommitBody> = readBody(trimmed);
  const { Cmd, Entrypoint, ExposedPorts, Volumes, ...plain } = body;
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
