import Type, { type Static } from 'typebox';
import { reader } from './json.ts';

const optional = Type.Optional;
const strings = Type.Array(Type.String());

export const ExecBody = Type.Object({
  Cmd: optional(strings),
  Env: optional(strings),
  User: optional(Type.String()),
  WorkingDir: optional(Type.String()),
  Tty: optional(Type.Boolean()),
  Privileged: optional(Type.Boolean()),
  AttachStdin: optional(Type.Boolean()),
  AttachStdout: optional(Type.Boolean()),
  AttachStderr: optional(Type.Boolean()),
  DetachKeys: optional(Type.String()),
  ConsoleSize: optional(Type.Array(Type.Integer())),
});
export type ExecBody = Static<typeof ExecBody>;
/** Body of `POST /containers/{id}/exec`. */
export const readExecBody = reader(ExecBody);

export const ExecStartBody = Type.Object({
  Detach: optional(Type.Boolean()),
  Tty: optional(Type.Boolean()),
  ConsoleSize: optional(Type.Array(Type.Integer())),
});
/** Body of `POST /exec/{id}/start`. */
export const readExecStartBody = reader(ExecStartBody);
