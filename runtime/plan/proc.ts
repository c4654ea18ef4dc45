import { Label, type PlanBuilder } from './builder.ts';
import {
  AT_FDCWD,
  O_CLOEXEC,
  O_DIRECTORY,
  O_PATH,
  O_WRONLY,
  RESOLVE_BENEATH,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
} from './constants.ts';
import { OPEN_HOW_BYTES, openHow } from './structs.ts';
import { expectProc } from '../rootfs/verify.ts';
import type { Slot } from './types.ts';

const WITHIN = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS;

/**
 * The directory of this process in the procfs at /proc, where whoever runs the plan sees it: to be opened before any namespace
 * of a container is entered. Fails for what is no procfs (CVE-2019-19921, CVE-2025-52881).
 */
export function openProcSelf(plan: PlanBuilder): Slot {
  const label = 'open "/proc/self"';
  const directory = plan.call(
    label,
    'openat',
    [AT_FDCWD, '/proc/self', O_PATH | O_DIRECTORY | O_CLOEXEC, 0],
    { save: true },
  );
  expectProc(plan, directory, 'use "/proc", which is no procfs');
  return directory;
}

export interface ProcWrite {
  readonly text: string;
  readonly label: string;
  /** Errno names of the write that are no failure. */
  readonly ignore?: readonly string[];
  /** The file to write when there is no `name`. */
  readonly fallback?: string;
}

/** Writes a file of the process's own procfs directory, to which no link and no mount leads. */
export function writeProcSelf(
  plan: PlanBuilder,
  directory: Slot,
  write: ProcWrite & { readonly name: string },
): void {
  const { name, text, label, fallback, ignore = [] } = write;
  const how = openHow({ flags: O_WRONLY | O_CLOEXEC, resolve: WITHIN });
  const [found, missing] = [new Label(), new Label()];
  const file = plan.call(label, 'openat2', [directory, name, how, OPEN_HOW_BYTES], {
    save: true,
    ...(fallback === undefined ? {} : { ignore: ['ENOENT'], onOk: found, onIgnored: missing }),
  });
  if (fallback !== undefined) {
    plan.here(missing);
    plan.call(label, 'openat2', [directory, fallback, how, OPEN_HOW_BYTES], { into: file });
    plan.here(found);
  }
  plan.call(label, 'write', [file, text, Buffer.byteLength(text)], { ignore });
  plan.close(file);
}
