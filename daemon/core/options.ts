import type { DatabaseSync } from 'node:sqlite';
import type { Ctx } from '../../common/ctx.ts';
import type { Disk, WaterMarks } from '../../image/disk.ts';
import type { Archives } from '../../image/archives.ts';
import type { Loops } from '../../image/loops.ts';
import type { Images } from '../../image/images.ts';
import type { Transfers } from '../../image/transfers.ts';
import type { Namespaced } from '../../image/namespaces/contract.ts';
import type { Snapshots } from '../../image/snapshots.ts';
import type { ShimLauncher } from '../../shim/contract.ts';
import type { EventBus } from './events/bus.ts';
import type { Networks } from './networks/contract.ts';
import { OWN_RUNTIME, type Runtimes } from './runtimes/contract.ts';
import { PLUGIN_DIRECTORIES, type PluginDirectories } from './volumes/plugins/find.ts';

/** What `openEngine` works with. `daemon/main.ts` makes the parts; the engine owns none of them but the tables it adds to `db`. */
export interface EngineOptions {
  /** Of the daemon's life: its log, and what background work runs under. */
  readonly ctx: Ctx;
  /** `<dataRoot>/meta.db`, open. The engine adds the tables `containers` and `execs`. */
  readonly db: DatabaseSync;
  /** Absolute; both exist. The engine makes `<dataRoot>/containers` and `<execRoot>/shims`. */
  readonly dirs: { readonly dataRoot: string; readonly execRoot: string };
  readonly config: EngineConfig;
  readonly launcher: ShimLauncher;
  readonly images: Images;
  readonly transfers: Transfers;
  readonly archives: Archives;
  readonly disk: Disk;
  readonly snapshots: Snapshots;
  readonly loops: Loops;
  readonly namespaced: Namespaced;
  /** Opened, not yet reconciled: the engine does that once it knows who lives. */
  readonly networks: Networks;
  /** `createEventBus()`: made first, because the image store publishes too. */
  readonly events: EventBus;
}

export interface EngineConfig {
  /** Of the daemon, stable over restarts: `docker info`'s ID. */
  readonly id: string;
  /** Absolute, below each controller; `/wherry` unless configured. A container is `<cgroupParent>/<id>`. */
  readonly cgroupParent: string;
  readonly labels: readonly string[];
  /** docker's `runtimes` and `default-runtime`; they follow a reload. */
  readonly runtimes: Runtimes;
  readonly defaultRuntime: string;
  /** docker's `no-new-privileges`. */
  readonly noNewPrivileges: boolean;
  /** docker's `seccomp-profile`: undefined is the built-in one; `unconfined`, or a profile's JSON text. */
  readonly seccompProfile: string | undefined;
  /** docker's `cdi-spec-dirs`: the last wins. */
  readonly cdiDirectories: readonly string[];
  /** docker's `default-cgroupns-mode`; undefined: `host` with version 1 of cgroups, else `private`. */
  readonly cgroupnsMode: 'host' | 'private' | undefined;
  /** docker's `init`: containers that don't say get a first process that reaps and forwards signals. */
  readonly init: boolean;
  /** docker's `init-path`; undefined: our own. */
  readonly initPath: string | undefined;
  /** How long `stop` waits when nobody says, docker's 10. */
  readonly stopTimeoutS: number;
  /** How full the file system of images may get. */
  readonly imageMarks: WaterMarks;
  /** Where plugins of volumes are looked for. */
  readonly pluginDirectories: PluginDirectories;
  /** Of the networks: which table the rules of published ports are in, and whether there are any. */
  readonly publishing: {
    readonly bridgeName: string;
    readonly firewall: boolean;
    readonly respectHost: boolean;
  };
  /** Of a process's launch: a mount may hang on a dead server, and nobody waits longer. */
  readonly launchTimeoutMs: number;
}

export const ENGINE_DEFAULTS = {
  runtimes: {},
  defaultRuntime: OWN_RUNTIME,
  cgroupParent: '/wherry',
  labels: [],
  noNewPrivileges: false,
  seccompProfile: undefined,
  cdiDirectories: ['/etc/cdi', '/var/run/cdi'],
  cgroupnsMode: undefined,
  init: false,
  initPath: undefined,
  stopTimeoutS: 10,
  publishing: { bridgeName: 'wherry0', firewall: true, respectHost: false },
  imageMarks: { highPercent: 0, lowPercent: 0 },
  pluginDirectories: PLUGIN_DIRECTORIES,
  launchTimeoutMs: 120_000,
} as const satisfies Omit<EngineConfig, 'id'>;
