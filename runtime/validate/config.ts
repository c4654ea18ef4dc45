import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { invalidArgument } from '../../common/errors.ts';
import type { Hook, Hooks, Process, Resources, Spec } from '../spec.ts';
import {
  absolutePath,
  between,
  flag,
  knownProblem,
  list,
  noFindings,
  object,
  problem,
  record,
  shown,
  text,
  texts,
  throwFindings,
  type Check,
  type Findings,
} from './check.ts';
import { linux } from './linux.ts';
import { mounts } from './mounts.ts';
import { process } from './process.ts';
import { resources } from './resources.ts';
import { checkRules, type Draft } from './rules.ts';

/** semver.org, numbers one to three. */
const VERSION = /^(0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/;
const SUPPORTED_MAJOR = '1';

const version: Check<string> = (value, at, to) => {
  const read = text(value, at, to);
  if (read === undefined) return undefined;
  const major = VERSION.exec(read)?.[1];
  if (major === undefined) return problem(to, at, `${shown(read)} is not a version (semver.org)`);
  return major === SUPPORTED_MAJOR
    ? read
    : problem(to, at, `version ${read} of the specification is not supported, only 1.x.y is`);
};

const hooks = list(
  object<Hook>(
    { path: absolutePath, args: texts, env: texts, timeout: between(1, 2 ** 31 - 1) },
    { required: ['path'] },
  ),
);

const configuration: Check<Draft> = object<Draft>(
  {
    ociVersion: version,
    process,
    root: object<Spec['root']>({ path: text, readonly: flag }, { required: ['path'] }),
    hostname: text,
    domainname: text,
    mounts,
    hooks: object<Hooks>({
      prestart: hooks,
      createRuntime: hooks,
      createContainer: hooks,
      startContainer: hooks,
      poststart: hooks,
      poststop: hooks,
    }),
    annotations: record(text),
    linux,
  },
  { zero: { mounts: [], linux: { namespaces: [] } } },
);

export interface ValidationOptions {
  /** Absolute; a relative root is below it. */
  readonly bundle: string;
  /** The caller is not root. */
  readonly rootless: boolean;
}

/**
 * Reads a config.json (parsed) whole: runtime-spec 1.x, as far as Linux. Unknown properties and null are left out, `mounts` and
 * `linux.namespaces` are filled; nothing else is made up. Warnings are for the log.
 *
 * Throws `invalid-argument` with every problem, each with its path; those that runc has too come first and in its words.
 */
export function validateConfig(
  value: unknown,
  { bundle, rootless }: ValidationOptions,
): { readonly spec: Spec; readonly warnings: readonly string[] } {
  // runc's word for it.
  if (value === null || value === undefined) throw invalidArgument('config cannot be null');
  const to = noFindings();
  const draft = configuration(value, '', to);
  if (draft !== undefined) {
    requireParts(value, to);
    if (draft.root !== undefined) checkRoot(resolve(bundle, draft.root.path), to);
    checkRules(draft, rootless, to);
  }
  throwFindings(to);
  return { spec: draft as Spec, warnings: to.warnings };
}

function requireParts(value: unknown, to: Findings): void {
  const given = value as { readonly [K in keyof Spec]?: unknown };
  if ((given.ociVersion ?? undefined) === undefined) problem(to, 'ociVersion', 'is required');
  if ((given.process ?? undefined) === undefined)
    knownProblem(to, 'process', 'process property must not be empty');
  if ((given.root ?? undefined) === undefined) knownProblem(to, 'root', 'root must be specified');
}

function checkRoot(path: string, to: Findings): void {
  const why = lackOfDirectory(path);
  if (why !== undefined) knownProblem(to, 'root.path', `invalid rootfs: ${path}: ${why}`);
}

function lackOfDirectory(path: string): string | undefined {
  try {
    return statSync(path).isDirectory() ? undefined : 'not a directory';
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? 'no such file or directory' : code;
  }
}

/** A process document of `exec --process`. Throws `invalid-argument` as `validateConfig`. */
export function validateProcess(value: unknown): {
  readonly process: Process;
  readonly warnings: readonly string[];
} {
  if (value === null || value === undefined) throw invalidArgument('process property must not be empty');
  const to = noFindings();
  const read = process(value, 'process', to);
  throwFindings(to);
  return { process: read as Process, warnings: to.warnings };
}

/** A document of `update --resources`. Throws `invalid-argument` as `validateConfig`. */
export function validateResources(value: unknown): {
  readonly resources: Resources;
  readonly warnings: readonly string[];
} {
  const to = noFindings();
  const read = resources(value ?? {}, 'resources', to);
  throwFindings(to);
  return { resources: read as Resources, warnings: to.warnings };
}
