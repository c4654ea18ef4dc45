import type { PlanBuilder, Value } from '../plan/builder.ts';
import {
  O_CLOEXEC,
  O_NOCTTY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDWR,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
  S_IFREG,
  TIOCGPTPEER,
  TIOCSCTTY,
  TIOCSPTLCK,
  TIOCSWINSZ,
} from '../plan/constants.ts';
import { openIn } from '../plan/paths.ts';
import { OPEN_HOW_BYTES, openHow, winsize } from '../plan/structs.ts';
import type { Slot } from '../plan/types.ts';
import { attachMount, cloneMount } from '../rootfs/filesystem.ts';
import type { Process } from '../spec.ts';
import type { HandOver } from './contract.ts';

const label = 'open a terminal';
/** O_NONBLOCK: a FIFO in the place of ptmx does not hold us. */
const PTMX_FLAGS = O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC;

/** Opens the multiplexer on the devpts that the plan itself mounted. */
export const openOwnPtmx = (plan: PlanBuilder, devpts: Slot): Slot =>
  plan.call(label, 'openat', [devpts, 'ptmx', PTMX_FLAGS | O_NOFOLLOW, 0], { save: true });

/** The same by path, in a container that runs. What is no multiplexer fails at its first ioctl. */
export const openPtmxIn = (plan: PlanBuilder, root: Value): Slot =>
  openIn(plan, root, { path: '/dev/pts/ptmx', flags: PTMX_FLAGS, resolve: RESOLVE_NO_SYMLINKS, label });

/**
 * Makes the terminal of a process from an open multiplexer: hands the master to the shim and returns the slave, which is opened
 * through the master and by no path (CVE-2025-52565).
 */
export function makeTerminal(
  plan: PlanBuilder,
  master: Slot,
  { process, handOver }: { readonly process: Process; readonly handOver: HandOver },
): Slot {
  plan.call(label, 'ioctl', [master, TIOCSPTLCK, new Uint8Array(4)]);
  const slave = plan.call(label, 'ioctl', [master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC], {
    save: true,
  });
  const size = process.consoleSize;
  if (size !== undefined && (size.height > 0 || size.width > 0)) {
    plan.call('set the size of the terminal', 'ioctl', [slave, TIOCSWINSZ, winsize(size.height, size.width)]);
  }
  handOver(plan, 'terminal', master);
  plan.close(master);
  return slave;
}

/**
 * Binds the slave to /dev/console, which is looked up in the container's own /dev and never through a link. Nothing is opened but by
 * O_PATH: a device that is there is not touched.
 */
export function bindConsole(plan: PlanBuilder, dev: Slot, slave: Slot): void {
  const what = 'bind the terminal to "/dev/console"';
  plan.call(what, 'mknodat', [dev, 'console', S_IFREG | 0o600, 0], { ignore: ['EEXIST'] });
  const how = openHow({ flags: O_PATH | O_CLOEXEC, resolve: RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS });
  const target = plan.call(what, 'openat2', [dev, 'console', how, OPEN_HOW_BYTES], { save: true });
  const mount = cloneMount(plan, { dirfd: slave, path: '', recursive: false, label: what });
  attachMount(plan, mount, { target, label: what });
  plan.close(mount);
  plan.close(target);
}

/** A session of its own, with the terminal as its controlling one when there is one. */
export function startSession(plan: PlanBuilder, slave: Slot | undefined): void {
  plan.call('start a session', 'setsid', []);
  if (slave !== undefined) plan.call('take the terminal', 'ioctl', [slave, TIOCSCTTY, 0]);
}
