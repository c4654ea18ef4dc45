import Type from 'typebox';
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

export const readCommitBody = reader(CommitBody);
