import { Label, type PlanBuilder } from '../plan/builder.ts';
import { O_CLOEXEC, O_DIRECTORY, O_PATH, RESOLVE_NO_SYMLINKS } from '../plan/constants.ts';
import { makeDirectories, makeFile, openIn } from '../plan/paths.ts';
import type { Arg, Slot } from '../plan/types.ts';
import { insideProc, isAllowedInProc, type ParsedMount } from './parse.ts';
import { lookAt, modeAt, refuseProc } from './verify.ts';

const OCTAL_BYTES = 32;
const DIRECTORY = O_PATH | O_DIRECTORY | O_CLOEXEC;

/**
 * Where mounts go: descriptors inside the root, made where they are missing. Only what is open is mounted on, so that no name can be
 * exchanged in between.
 */

/** /proc, /sys and /dev are never reached through a symbolic link: what is written there later must be what it seems to be. */
export function plainDirectory(
  plan: PlanBuilder,
  root: Slot,
  { path, label }: { readonly path: string; readonly label: string },
): Slot {
  const [missing, plain] = [new Label(), new Label()];
  const target = openIn(plan, root, {
    path,
    flags: DIRECTORY,
    resolve: RESOLVE_NO_SYMLINKS,
    ignore: ['ENOENT'],
    onOk: plain,
    onIgnored: missing,
    label: `${label} must be mounted on ordinary directory`,
  });
  plan.here(missing);
  makeDirectories(plan, { root, path, into: target });
  plan.here(plain);
  return target;
}

/** For a tmpfs, as runc does: the directory that it hides, and the permissions of that, in octal, or 1777 if it is made. */
export function hiddenDirectory(
  plan: PlanBuilder,
  root: Slot,
  path: string,
): { readonly target: Slot; readonly mode: Arg } {
  const [done, missing, there] = [new Label(), new Label(), new Label()];
  const label = `open "${path}"`;
  const text = new Uint8Array(OCTAL_BYTES);
  text.set(Buffer.from('1777'));
  const mode = { kind: 'blob', offset: plan.bytes(text) } as const;
  const target = openIn(plan, root, {
    path,
    flags: DIRECTORY,
    ignore: ['ENOENT'],
    onOk: there,
    onIgnored: missing,
  });
  plan.here(missing);
  makeDirectories(plan, { root, path, into: target });
  plan.jump(done);
  plan.here(there);
  const bits = modeAt(plan, lookAt(plan, { dirfd: target }, label), label);
  plan.octal(`take the mode of "${path}"`, bits, mode);
  plan.free(bits);
  plan.here(done);
  return { target, mode };
}

/** A directory is bound onto a directory and a file onto a file; what is missing is made of the source's kind. */
export function bindTarget(
  plan: PlanBuilder,
  root: Slot,
  { path, mounted }: { readonly path: string; readonly mounted: Slot },
): Slot {
  const [done, missing, isFile, isDirectory] = [new Label(), new Label(), new Label(), new Label()];
  const target = openIn(plan, root, {
    path,
    flags: O_PATH | O_CLOEXEC,
    ignore: ['ENOENT'],
    onOk: done,
    onIgnored: missing,
  });
  plan.here(missing);
  const probe = plan.call(`look at the source of "${path}"`, 'openat', [mounted, '.', DIRECTORY], {
    save: true,
    ignore: ['ENOTDIR'],
    onOk: isDirectory,
    onIgnored: isFile,
  });
  plan.here(isDirectory);
  plan.close(probe);
  makeDirectories(plan, { root, path, into: target });
  plan.jump(done);
  plan.here(isFile);
  makeFile(plan, { root, path, into: target });
  plan.here(done);
  return target;
}

/** Nothing hides a part of a procfs but what is allowed by name: neither is it reached by a link of the image. */
export function guardProc(plan: PlanBuilder, target: Slot, parsed: ParsedMount): void {
  const { destination } = parsed;
  if (destination !== '/proc' && !isAllowedInProc(parsed)) refuseProc(plan, target, insideProc(destination));
}
