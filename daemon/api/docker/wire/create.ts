import Type, { type Static } from 'typebox';
import { EndpointConfig } from './endpoint.ts';
import { HostConfig } from './host-config.ts';
import { reader } from './json.ts';

/** Body of `POST /containers/create`: docker's Config with HostConfig and NetworkingConfig inside. */
const optional = Type.Optional;
const strings = Type.Array(Type.String());
const stringMap = Type.Record(Type.String(), Type.String());
/** A list, or one string that stands for a list of one. */
const command = Type.Union([Type.String(), strings]);
const set = Type.Record(Type.String(), Type.Unknown());

/** Times are nanoseconds. */
const Healthcheck = Type.Object({
  Test: optional(strings),
  Interval: optional(Type.Integer()),
  Timeout: optional(Type.Integer()),
  StartPeriod: optional(Type.Integer()),
  StartInterval: optional(Type.Integer()),
  Retries: optional(Type.Integer()),
});

export const CreateBody = Type.Object({
  Hostname: optional(Type.String()),
  Domainname: optional(Type.String()),
  User: optional(Type.String()),
  AttachStdin: optional(Type.Boolean()),
  AttachStdout: optional(Type.Boolean()),
  AttachStderr: optional(Type.Boolean()),
  ExposedPorts: optional(set),
  Tty: optional(Type.Boolean()),
  OpenStdin: optional(Type.Boolean()),
  StdinOnce: optional(Type.Boolean()),
  Env: optional(strings),
  Cmd: optional(command),
  Entrypoint: optional(command),
  Image: optional(Type.String()),
  Volumes: optional(set),
  WorkingDir: optional(Type.String()),
  Labels: optional(stringMap),
  StopSignal: optional(Type.String()),
  StopTimeout: optional(Type.Integer()),
  Healthcheck: optional(Healthcheck),
  NetworkDisabled: optional(Type.Boolean()),
  Shell: optional(strings),
  OnBuild: optional(strings),
  ArgsEscaped: optional(Type.Boolean()),
  MacAddress: optional(Type.String()),
  HostConfig: optional(HostConfig),
  NetworkingConfig: optional(
    Type.Object({ EndpointsConfig: optional(Type.Record(Type.String(), EndpointConfig)) }),
  ),
});

export type CreateBody = Static<typeof CreateBody>;
export const readCreateBody = reader(CreateBody);
