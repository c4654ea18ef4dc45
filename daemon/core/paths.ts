import { join } from 'node:path';

/** Where the engine's files lie. */
export interface Paths {
  /** Every container's directory is below. */
  readonly containers: string;
  /** Every shim's directory is below, by the id of its container or exec. */
  readonly shims: string;
  /** Every local volume's directory is below. */
  readonly volumes: string;
  /** Below is, for a while, what runtimes write as checkpoints, and by its shim's name what a task goes on from. */
  readonly checkpoints: string;
  /** Empty for ever: containers mount their root over it, each in its own mount namespace. */
  readonly staging: string;
  container(id: string): string;
  log(id: string): string;
  hosts(id: string): string;
  hostname(id: string): string;
  resolvConf(id: string): string;
  /** The container's own copy of the first process that `--init` gives it. */
  init(id: string): string;
  shim(id: string): string;
  checkpoint(name: string): string;
  /** The `--root` of runtimes, for containers of a namespace of containerd's API. */
  runtime(namespace: string): string;
}

export function makePaths({ dataRoot, execRoot }: { dataRoot: string; execRoot: string }): Paths {
  const containers = join(dataRoot, 'containers');
  const shims = join(execRoot, 'shims');
  // As large as the memory of processes: nothing for a file system in memory.
  const checkpoints = join(dataRoot, 'checkpoints');
  const container = (id: string): string => join(containers, id);
  return {
    containers,
    shims,
    volumes: join(dataRoot, 'volumes'),
    checkpoints,
    staging: join(execRoot, 'rootfs'),
    container,
    log: (id) => join(container(id), `${id}-json.log`),
    hosts: (id) => join(container(id), 'hosts'),
    hostname: (id) => join(container(id), 'hostname'),
    resolvConf: (id) => join(container(id), 'resolv.conf'),
    init: (id) => join(container(id), 'init'),
    shim: (id) => join(shims, id),
    checkpoint: (name) => join(checkpoints, name),
    runtime: (namespace) => join(execRoot, 'runtime', namespace),
  };
}
