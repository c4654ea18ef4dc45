import type { KeyedLocks } from '../../common/locks.ts';
import type { Background } from './background.ts';
import type { ContainerTable } from './containers/table.ts';
import type { Resolvers } from './dns/contract.ts';
import type { ExecTable } from './execs/table.ts';
import type { HealthKeeper } from './health/keeper.ts';
import type { Host } from './host.ts';
import type { EngineOptions } from './options.ts';
import type { Operations } from './operations/contract.ts';
import type { Paths } from './paths.ts';
import type { Ports } from './ports/contract.ts';
import type { Accounts } from './spec/accounts.ts';
import type { Forwarders } from './log-drivers/contract.ts';
import type { LogReaders } from './logs/readers.ts';
import type { LogUses } from './logs/uses.ts';
import type { RestartTimers } from './restarts/contract.ts';
import type { SeccompFor } from './spec/seccomp.ts';
import type { ContainerSample } from './contract.ts';
import type { Sampler } from './stats/sampler.ts';
import type { ForeignRuntime } from '../../runtime/foreign/contract.ts';
import type { TaskTable } from './tasks/table.ts';
import type { VolumeParts } from './volumes/parts.ts';

/** What the verbs of the engine work with. */
export interface Core extends Omit<EngineOptions, 'db' | 'dirs'> {
  readonly table: ContainerTable;
  readonly execTable: ExecTable;
  /** Processes of containerd's tasks service. */
  readonly tasks: TaskTable;
  /** By container id. Start, create, rename and remove hold it; what signals a process does not. */
  readonly locks: KeyedLocks;
  /** Ids of containers that a client is having removed. */
  readonly removals: Set<string>;
  readonly background: Background;
  /** What is being done. */
  readonly operations: Operations;
  readonly volumeParts: VolumeParts;
  readonly health: HealthKeeper;
  readonly ports: Ports;
  readonly dns: Resolvers;
  readonly restartTimers: RestartTimers;
  readonly logUses: LogUses;
  readonly logReaders: LogReaders;
  readonly forwarders: Forwarders;
  readonly stats: Sampler<ContainerSample | undefined>;
  readonly paths: Paths;
  /** What `--init` gives a container. */
  readonly initProgram: string;
  /** As a program of its own, for containers of containerd's API. */
  readonly ownRuntime: ForeignRuntime;
  readonly host: Host;
  readonly accounts: Accounts;
  readonly seccompFor: SeccompFor;
}
