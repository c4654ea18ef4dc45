import { isAbsolute, join } from 'node:path';
import { messageOf } from '../../../common/errors.ts';
import { malformed } from '../../../image/namespaces/errors.ts';
import { parseExact, stringifyExact } from '../../../runtime/exact-json.ts';
import type { Packed } from '../containerd/contract.ts';

/** What the daemon itself reads of a client's specification; the runtime validates it whole. */
export interface TaskSpec {
  readonly json: Readonly<Record<string, unknown>>;
  readonly root: string;
  readonly cgroupsPath: string | undefined;
  readonly propagation: string | undefined;
  /** The first process's end is not the kernel's reason to end the others. */
  readonly sharesPids: boolean;
}

/** Throws `invalid-argument`. */
export function readSpec(packed: Packed | undefined): TaskSpec {
  const json = parseJson(packed?.value ?? new Uint8Array());
  const { root, linux } = json as { readonly root?: { path?: unknown }; readonly linux?: Linux };
  const { cgroupsPath, rootfsPropagation, namespaces = [] } = linux ?? {};
  const pid = namespaces.find(({ type }) => type === 'pid');
  return {
    json,
    root: typeof root?.path === 'string' ? root.path : '',
    cgroupsPath: typeof cgroupsPath === 'string' && isAbsolute(cgroupsPath) ? join(cgroupsPath) : undefined,
    propagation: rootfsPropagation,
    sharesPids: pid === undefined || (pid.path ?? '') !== '',
  };
}

interface Linux {
  readonly cgroupsPath?: unknown;
  readonly rootfsPropagation?: string;
  readonly namespaces?: readonly { readonly type?: string; readonly path?: string }[];
}

/** The bundle's config.json, with the root where it will be mounted. */
export const withRoot = ({ json }: TaskSpec, path: string): string =>
  stringifyExact({ ...json, root: { ...(json['root'] as object | undefined), path } });

/** An object in JSON bytes. Throws `invalid-argument`. */
export function parseJson(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const value = parseExact(Buffer.from(bytes).toString('utf8'));
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch (error) {
    throw malformed(`cannot read a JSON value: ${messageOf(error)}`);
  }
  throw malformed('a JSON value is no object');
}
