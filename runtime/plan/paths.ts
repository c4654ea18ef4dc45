import { posix } from 'node:path';
import { Label, type PlanBuilder, type Value } from './builder.ts';
import {
  AT_FDCWD,
  O_CLOEXEC,
  O_DIRECTORY,
  O_PATH,
  O_WRONLY,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
} from './constants.ts';
import { OPEN_HOW_BYTES, openHow } from './structs.ts';
import type { Slot } from './types.ts';

/** Every path of a container is resolved like this: `/` is its root, and nothing leads through /proc/self/fd. */
const INSIDE = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
const O_DIRECTORY_PATH = O_PATH | O_DIRECTORY | O_CLOEXEC;

export interface OpenIn {
  readonly path: string;
  readonly flags: number;
  readonly mode?: number;
  /** RESOLVE_* bits on top of those that keep the path inside the root. */
  readonly resolve?: number;
  readonly ignore?: readonly string[];
  readonly onOk?: Label;
  readonly onIgnored?: Label;
  readonly into?: Slot;
  /** Instead of `open "<path>"`. */
  readonly label?: string;
}

/** Opens `path` as the container sees it from `root`. */
export function openIn(plan: PlanBuilder, root: Value, options: OpenIn): Slot {
  const { path, flags, mode, resolve, label, ...call } = options;
  const how = openHow({ flags, resolve: INSIDE | (resolve ?? 0), ...(mode === undefined ? {} : { mode }) });
  return plan.call(label ?? `open "${path}"`, 'openat2', [root, path, how, OPEN_HOW_BYTES], {
    save: true,
    ...call,
  });
}

/** Lexically clean and absolute: `/a/b`. */
export const cleanPath = (path: string): string => posix.resolve('/', path);

/**
 * Opens the directory `path` inside `root`, and makes what is missing of it with mode 0755, less the umask. One call when it is there.
 * A symbolic link that leads nowhere is followed too: what it names is made.
 */
export function ensureDirectory(plan: PlanBuilder, root: Value, path: string): Slot {
  const clean = cleanPath(path);
  const [done, missing] = [new Label(), new Label()];
  const found = openIn(plan, root, {
    path: clean,
    flags: O_DIRECTORY_PATH,
    ignore: ['ENOENT'],
    onOk: done,
    onIgnored: missing,
  });
  plan.here(missing);
  makeDirectories(plan, { root, path: clean, into: found });
  plan.here(done);
  return found;
}

interface Made {
  readonly root: Value;
  readonly path: string;
  readonly into: Slot;
}

/** Makes what is missing of the clean path `path`, and leaves the last directory's descriptor in `into`. */
export function makeDirectories(plan: PlanBuilder, made: Made): void {
  plan.make(`make directory "${made.path}"`, { ...made, kind: 'directory' });
}

/** Makes the empty file `path`, a clean path, and what is missing above it. */
export function makeFile(plan: PlanBuilder, made: Made): void {
  plan.make(`make file "${made.path}"`, { ...made, kind: 'file' });
}

/** Writes a text to a file that exists, by an absolute path of the host or a name in `dirfd`. */
export function writeFile(
  plan: PlanBuilder,
  path: string,
  options: {
    readonly text: string;
    readonly dirfd?: Value;
    /** Instead of `write "text" to "path"`. */
    readonly label?: string;
    /** Errno names of opening and of writing that are no failure. */
    readonly ignoreOpen?: readonly string[];
    readonly ignoreWrite?: readonly string[];
  },
): void {
  const { text } = options;
  const label = options.label ?? `write "${text}" to "${path}"`;
  const without = new Label();
  const file = plan.call(label, 'openat', [options.dirfd ?? AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0], {
    save: true,
    ignore: options.ignoreOpen ?? [],
    onIgnored: without,
  });
  plan.call(label, 'write', [file, text, Buffer.byteLength(text)], { ignore: options.ignoreWrite ?? [] });
  plan.close(file);
  plan.here(without);
}
