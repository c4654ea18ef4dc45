import { posix } from 'node:path';
import { invalidArgument } from '../../common/errors.ts';
import { Label, type PlanBuilder } from '../plan/builder.ts';
import {
  AT_FDCWD,
  FSCONFIG_CMD_CREATE,
  FSCONFIG_SET_FLAG,
  FSCONFIG_SET_STRING,
  FSMOUNT_CLOEXEC,
  FSOPEN_CLOEXEC,
  MOVE_MOUNT_F_EMPTY_PATH,
  O_CLOEXEC,
  O_DIRECTORY,
  O_PATH,
} from '../plan/constants.ts';
import type { Slot } from '../plan/types.ts';

/** Without an upper directory it is read-only, and has two layers at least. */
interface Overlay {
  /** Topmost first. */
  readonly lower: readonly string[];
  readonly upper?: string;
  readonly work?: string;
  readonly volatile: boolean;
}

const LABEL = 'mount "overlay" (overlay) at "/"';
/** The kernel copies at most so many bytes of an fsconfig value (fs/fsopen.c). */
const VALUE_BYTES = 255;
/** mount(2) copies a page of data, the last byte of it a NUL (fs/namespace.c, copy_mount_options). */
const DATA_BYTES = 4095;

/**
 * Mounts an overlay at `target`; the slot is a descriptor of it. Two ways to the same: one `lowerdir+` per layer, which Linux 6.7
 * introduced and which no number of layers exceeds; and mount(2) for older kernels, which refuse `lowerdir+` as invalid, some of
 * them only when all is said (before 6.5 nothing looks at the words earlier). What is invalid for another reason fails the second
 * way as well, and is reported from there.
 */
export function mountOverlay(plan: PlanBuilder, rootfs: Overlay, target: string): Slot {
  const [refused, made, done] = [new Label(), new Label(), new Label()];
  const invalid = { ignore: ['EINVAL'], onIgnored: refused } as const;
  const fs = plan.call(LABEL, 'fsopen', ['overlay', FSOPEN_CLOEXEC], { save: true });
  for (const [key, value] of parametersOf(rootfs)) {
    const step = `${LABEL}, ${key}${value === undefined ? '' : `=${value}`}`;
    const command = value === undefined ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING;
    plan.call(step, 'fsconfig', [fs, command, key, value ?? 0, 0], invalid);
  }
  plan.call(LABEL, 'fsconfig', [fs, FSCONFIG_CMD_CREATE, 0, 0, 0], invalid);
  const root = plan.call(LABEL, 'fsmount', [fs, FSMOUNT_CLOEXEC, 0], { save: true, onOk: made });
  plan.here(refused);
  mountByText(plan, rootfs, target);
  const flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  plan.call(`open "${target}"`, 'openat', [AT_FDCWD, target, flags, 0], { into: root, onOk: done });
  plan.here(made);
  const attached = [root, '', AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH];
  plan.call(`mount the root at "${target}"`, 'move_mount', attached);
  plan.here(done);
  plan.close(fs);
  return root;
}

type Parameter = readonly [key: string, value?: string];

/**
 * Whatever the module's parameters are: what a container writes stays readable without its layers, and a layer can be taken of it.
 * Linux 4.19; Documentation/filesystems/overlayfs.rst, "redirect_dir", "Metadata only copy up".
 */
const FEATURES = [
  ['redirect_dir', 'off'],
  ['metacopy', 'off'],
] as const satisfies readonly Parameter[];

function parametersOf({ lower, upper, work, volatile }: Overlay): Parameter[] {
  const paths = [
    ...lower.map((path) => ['lowerdir+', path] as const),
    ...(upper === undefined ? [] : [['upperdir', upper] as const]),
    ...(work === undefined ? [] : [['workdir', work] as const]),
  ];
  for (const [key, value] of paths) {
    if (Buffer.byteLength(value) > VALUE_BYTES)
      throw invalidArgument(
        `Cannot ${LABEL}: the value of ${key} is longer than ${VALUE_BYTES} bytes: ${value}`,
      );
  }
  return [['source', 'overlay'], ...paths, ...FEATURES, ...(volatile ? [['volatile'] as const] : [])];
}

/** All options are one text: the paths in it are relative to the directory that they share, and so a few bytes each. */
function mountByText(plan: PlanBuilder, { lower, upper, work, volatile }: Overlay, target: string): void {
  const base = commonDirectory([...lower, upper, work].filter((path) => path !== undefined));
  const short = (path: string): string =>
    posix.relative(base, path).replaceAll(/[\\,:]/g, String.raw`\$&`) || '.';
  const options = [
    `lowerdir=${lower.map((path) => short(path)).join(':')}`,
    ...(upper === undefined ? [] : [`upperdir=${short(upper)}`]),
    ...(work === undefined ? [] : [`workdir=${short(work)}`]),
    ...FEATURES.map(([key, value]) => `${key}=${value}`),
    ...(volatile ? ['volatile'] : []),
  ].join(',');
  if (Buffer.byteLength(options) > DATA_BYTES) {
    plan.fail(`${LABEL} with ${lower.length} layers, which takes Linux 6.7`, 'E2BIG');
    return;
  }
  plan.call(`enter "${base}"`, 'chdir', [base]);
  plan.call(`${LABEL}, ${options} in "${base}"`, 'mount', ['overlay', target, 'overlay', 0, options]);
}

function commonDirectory(paths: readonly string[]): string {
  const [first = [], ...rest] = paths.map((path) => posix.dirname(path).split('/'));
  const shared = first.findIndex((name, index) => rest.some((names) => names[index] !== name));
  return (shared === -1 ? first : first.slice(0, shared)).join('/') || '/';
}
