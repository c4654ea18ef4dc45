import { invalidArgument, notImplemented } from '../../common/errors.ts';
import { isRuntime, OWN_RUNTIME, type ConfiguredRuntime, type Runtimes } from '../core/runtimes/contract.ts';
import type { Values } from './values.ts';

/** `{"crun": {"path": "/usr/bin/crun", "runtimeArgs": []}}` of the file, and `{"crun": "/usr/bin/crun"}` of the flags. */
export function runtimesOf(values: Values): {
  readonly runtimes: Runtimes;
  readonly defaultRuntime: string;
} {
  const given = Object.entries(values.map('runtimes') ?? {});
  const runtimes = Object.freeze(Object.fromEntries(given.map(([name, value]) => [name, read(name, value)])));
  const defaultRuntime = values.text('default-runtime') || OWN_RUNTIME;
  if (!isRuntime(runtimes, defaultRuntime))
    throw invalidArgument(`specified default runtime '${defaultRuntime}' does not exist`);
  return { runtimes, defaultRuntime };
}

function read(name: string, value: unknown): ConfiguredRuntime {
  const wrong = (what: string): Error => invalidArgument(`The option "runtimes": "${name}" ${what}`);
  if (name === '') throw wrong('is no name');
  if (typeof value === 'string') return read(name, { path: value });
  if (typeof value !== 'object' || value === null) throw wrong('must be an object with a path');
  const { path = '', runtimeArgs, runtimeType, options, ...rest } = value as Record<string, unknown>;
  const unknown = Object.keys(rest).join(', ');
  if (unknown !== '') throw wrong(`has unknown keys: ${unknown}`);
  if ((runtimeType ?? '') !== '' || (options ?? null) !== null)
    throw notImplemented(
      `The option "runtimes": "${name}" is a shim of containerd's (runtimeType), which is not supported`,
    );
  if (typeof path !== 'string' || path === '') throw wrong('must have a path');
  if (path.includes('/') && !path.startsWith('/')) throw wrong(`has the path "${path}", it must be absolute`);
  const args: unknown = runtimeArgs ?? [];
  if (!Array.isArray(args) || !args.every((arg) => typeof arg === 'string'))
    throw wrong('must have runtimeArgs that are a list of texts');
  return Object.freeze({ path, args: Object.freeze([...args]) });
}
