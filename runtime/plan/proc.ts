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
import type { Slot } from './types.ts';

/** linux/magic.h; first field of struct statfs. */
const PROC_SUPER_MAGIC = 0x9fa0;
const STATFS_BYTES = 120;
/** FUTEX_CMP_REQUEUE | FUTEX_PRIVATE_FLAG, man 2 futex. */
const FUTEX_COMPARE = 4 | 128;
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
  const status = plan.bytes(new Uint8Array(STATFS_BYTES));
  plan.call(label, 'fstatfs', [directory, { kind: 'blob', offset: status }]);
  failUnlessEqual(plan, { offset: status, value: PROC_SUPER_MAGIC, label: '"/proc" is no procfs' });
  return directory;
}

/** Fails by design unless the 32 bits at a blob offset have this value. */
function failUnlessEqual(
  plan: PlanBuilder,
  { offset, value, label }: { readonly offset: number; readonly value: number; readonly label: string },
): void {
  const [equal, differs] = [new Label(), new Label()];
  const word = { kind: 'blob', offset } as const;
  // Moves none of nobody's waiters, if the word has the value: the one call that compares.
  plan.call('compare', 'futex', [word, FUTEX_COMPARE, 0, 0, word, value], {
    ignore: ['EAGAIN'],
    onOk: equal,
    onIgnored: differs,
  });
  plan.here(differs);
  plan.fail(label, 'ESTALE');
  plan.here(equal);
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
