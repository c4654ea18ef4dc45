import { MOUNT_ATTR } from '../plan/constants.ts';
import type { MonitorConfig } from '../contract.ts';
import { placeMonitor } from '../monitor.ts';
import { PlanBuilder } from '../plan/builder.ts';
import { CLONE_NEW, SIGCHLD } from '../plan/constants.ts';
import { cloneArgs } from '../plan/structs.ts';
import type { Plan } from '../plan/types.ts';
import { changeMount } from '../rootfs/filesystem.ts';
import { mountOverlay } from '../rootfs/overlay.ts';
import { isolateMounts, mountRoot } from '../rootfs/root.ts';
import { awaitRuntime, becomeRuntime, endWithShim, placePipes, readPid } from './command.ts';
import { bundleFiles, type ForeignContainer } from './contract.ts';
import { CREATE_FAILED } from './launch.ts';
import { startLogger, type Logger } from './logger.ts';
import { listenForTerminal, takeTerminal } from './terminal.ts';

/** One of the mounts that make a root, each over the one before. */
export type TaskMount =
  | {
      readonly kind: 'overlay';
      /** Topmost first. */
      readonly lower: readonly string[];
      readonly upper?: string;
      readonly work?: string;
    }
  | { readonly kind: 'bind'; readonly source: string; readonly readonly: boolean }
  | {
      readonly kind: 'file-system';
      readonly type: string;
      readonly source: string;
      /** MS_*. */
      readonly flags: number;
      readonly data: string;
    };

export interface TaskLaunch extends ForeignContainer {
  /** Where the bundle's config.json has the root; an existing empty directory. */
  readonly stagingDir: string;
  /** None: the root is a directory of the host. */
  readonly mounts: readonly TaskMount[];
  readonly propagation: string | undefined;
  readonly loggers: readonly Logger[];
  /** `create` and its flags; `--pid-file` and `--console-socket` are added. */
  readonly verb: readonly string[];
  readonly monitor: MonitorConfig;
}

/**
 * The plan of a container that another OCI runtime makes from the bundle's config.json, up to where its init waits for `start`; or
 * that it restores. As in `buildForeignPlan` the shim becomes the init's parent, and the root is mounted in the runtime's mount
 * namespace alone. Pure.
 */
export function buildTaskPlan(request: TaskLaunch): Plan {
  const { id, bundle, monitor, verb } = request;
  const plan = new PlanBuilder();
  for (const logger of request.loggers) startLogger(plan, logger);
  plan.call(`enter "${bundle}"`, 'chdir', [bundle]);
  const terminal = monitor.tty ? listenForTerminal(plan) : undefined;
  const creator = plan.fork('fork', cloneArgs(0, SIGCHLD));
  endWithShim(plan);
  mountRoots(plan, request);
  placePipes(plan, monitor);
  const console = monitor.tty ? ['--console-socket', bundleFiles.console] : [];
  const files = ['--pid-file', bundleFiles.pid, ...console];
  becomeRuntime(plan, request, { directory: bundle, verb: [...verb, ...files, id] });
  creator.parent();
  awaitRuntime(plan, creator.pid, CREATE_FAILED);
  const init = readPid(plan);
  if (terminal !== undefined) takeTerminal(plan, terminal);
  plan.call('leave the bundle', 'chdir', ['/']);
  plan.end();
  placeMonitor(plan, monitor, init);
  return plan.build();
}

function mountRoots(plan: PlanBuilder, { mounts, stagingDir, propagation }: TaskLaunch): void {
  if (mounts.length === 0) return;
  plan.call('make a mount namespace', 'unshare', [CLONE_NEW.mount]);
  isolateMounts(plan, { propagation, stagingDir });
  for (const mount of mounts) mountOne(plan, mount, stagingDir);
}

function mountOne(plan: PlanBuilder, mount: TaskMount, at: string): void {
  switch (mount.kind) {
    case 'overlay':
      plan.close(mountOverlay(plan, { ...mount, volatile: false }, at));
      return;
    case 'bind': {
      const root = mountRoot(plan, { kind: 'directory', path: mount.source }, at);
      const label = `make "${mount.source}" read-only`;
      if (mount.readonly) changeMount(plan, root, { label, set: MOUNT_ATTR.RDONLY, recursive: true });
      plan.close(root);
      return;
    }
    case 'file-system': {
      const { type, source, flags, data } = mount;
      plan.call(`mount "${source}" (${type}) at "/"`, 'mount', [source, at, type, flags, data]);
    }
  }
}
