import Type from 'typebox';
import { reader } from './json.ts';

const optional = Type.Optional;

/** Body of `POST /auth`: docker's AuthConfig. */
const AuthBody = Type.Object({
  username: optional(Type.String()),
  password: optional(Type.String()),
  auth: optional(Type.String()),
  identitytoken: optional(Type.String()),
  registrytoken: optional(Type.String()),
  serveraddress: optional(Type.String()),
});

export const readAuthBody = reader(AuthBody);
