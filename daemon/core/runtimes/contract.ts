/** Another OCI runtime, as docker's `runtimes` has it. */
export interface ConfiguredRuntime {
  /** Absolute, or a name that is looked for in the daemon's PATH. */
  readonly path: string;
  /** Before the verb. */
  readonly args: readonly string[];
}

/** By name. */
export type Runtimes = Readonly<Record<string, ConfiguredRuntime>>;

/** The name of docker's stock runtime is ours unless it is configured. */
export const OWN_RUNTIME = 'runc';

/** Names of docker's stock runtime, and ours: unless they are configured they are all the daemon itself. */
const OWN: readonly string[] = [OWN_RUNTIME, 'io.containerd.runc.v2', 'wherry'];

export const isRuntime = (runtimes: Runtimes, name: string): boolean =>
  Object.hasOwn(runtimes, name) || OWN.includes(name);
