import type { LaunchRequest, MonitorConfig } from '../contract.ts';
import type { Seccomp } from '../spec.ts';

/** Another OCI runtime: a program with the command line of runc. */
export interface ForeignRuntime {
  /** Absolute. */
  readonly path: string;
  /** Before the verb. */
  readonly args: readonly string[];
}

/** A container that such a runtime keeps. */
export interface ForeignContainer {
  readonly id: string;
  readonly runtime: ForeignRuntime;
  /** An absolute directory of this run: `bundleFiles` has what lies in it. Written by `bundleSpec` and the launch. */
  readonly bundle: string;
  /** The runtime's `--root`; unset: `bundleFiles.state` in the bundle. */
  readonly root?: string;
  /** Of the runtime itself. */
  readonly env: readonly string[];
}

export interface ForeignLaunch
  extends
    Pick<
      LaunchRequest,
      'spec' | 'rootfs' | 'stagingDir' | 'network' | 'borrowed' | 'bindSources' | 'hostSide'
    >,
    ForeignContainer {
  readonly monitor: MonitorConfig;
}

export interface ForeignSpec extends Pick<ForeignLaunch, 'spec' | 'stagingDir' | 'bundle' | 'borrowed'> {
  readonly seccomp: Seccomp | undefined;
}

/** What lies in a bundle: names, so that paths in it are as long as its own is not. */
export const bundleFiles = {
  config: 'config.json',
  /** The runtime's, by `--log`: its last error is why it failed. */
  log: 'log.json',
  pid: 'pid',
  /** Of an exec. */
  process: 'process.json',
  /** The runtime sends the terminal there. */
  console: 'console',
  /** The container's network namespace, in the runtime's mount namespace alone. */
  network: 'netns',
  /** The runtime's `--root`: nothing of it is left when the bundle goes. */
  state: 'state',
} as const;

/** What is mounted for a bind that the runtime could not make from the host's paths. */
export const placeOf = (bundle: string, index: number): string => `${bundle}/mount-${index}`;
