import { statSync } from 'node:fs';
import { conflict, internal, invalidArgument, messageOf } from '../../common/errors.ts';
import { hierarchyOf } from '../cgroup/layout.ts';
import type { ContainerRecord, Settings } from '../container/contract.ts';
import { statusOf } from '../container/status.ts';
import { namespacesOf } from '../namespaces.ts';
import { CLONE_NEW } from '../plan/constants.ts';
import {
  checkImageDirectory,
  checkParent,
  clearWorkFiles,
  makeDirectory,
  stdioOf,
  withLog,
  writeDescriptors,
} from './images.ts';
import { CGROUP_MODES, type CriuOptions } from './messages.ts';
import { mountsToDump } from './mounts.ts';
import { criuPlan, passedFd } from './process.ts';
import { askCriu } from './service.ts';

/** What both verbs have. */
export interface CriuSettings {
  /** Absolute path of the program. */
  readonly program: string;
  /** Absolute. */
  readonly images: string;
  /** Of logs; absolute. Undefined: the image directory. */
  readonly work: string | undefined;
  readonly cgroupsMode: keyof typeof CGROUP_MODES;
  readonly tcpEstablished: boolean;
  readonly extUnixSk: boolean;
  readonly shellJob: boolean;
  readonly fileLocks: boolean;
  readonly autoDedup: boolean;
  readonly lazyPages: boolean;
}

export interface CheckpointRequest extends CriuSettings {
  /** Relative to `images`: what an earlier pre-dump wrote. */
  readonly parent: string | undefined;
  readonly leaveRunning: boolean;
  readonly preDump: boolean;
  readonly tcpSkipInFlight: boolean;
  readonly linkRemap: boolean;
  readonly pageServer: { readonly address: string; readonly port: number } | undefined;
  /** A descriptor that gets a zero byte when the lazy pages can be asked for, and is closed then. */
  readonly onLazyPages: () => void;
}

const LOG = 'dump.log';

/** Namespaces that CRIU can take as somebody else's, by their keys in runc's checkpoints; others it joins by path. */
export const EXTERNAL_NAMESPACES = {
  network: { name: 'net', key: 'extRootNetNS' },
  pid: { name: 'pid', key: 'extRootPidNS' },
} as const;

/**
 * Writes the processes of a container into an image directory, by CRIU. They go on with `leaveRunning` and after a pre-dump, which
 * writes memory alone; else they are gone. Throws with the end of CRIU's log; then the container runs as before. Holds the thread.
 */
export function checkpoint(settings: Settings, record: ContainerRecord, request: CheckpointRequest): void {
  const status = statusOf(settings, record);
  if (record.init === undefined || (status !== 'running' && status !== 'paused'))
    throw conflict(`Container cannot be checkpointed in ${status} state`);
  const { images, parent, preDump, lazyPages } = request;
  const work = request.work ?? images;
  for (const directory of [images, work]) makeDirectory(directory);
  checkImageDirectory(images);
  if (parent !== undefined) checkParent(images, parent);
  clearWorkFiles(work, LOG);
  if (preDump) requireFeature(request, 'memTrack');
  if (lazyPages) requireFeature(request, 'lazyPages');
  if (!preDump) writeDescriptors(images, stdioOf(record.init.pid));
  const plan = criuPlan({ program: request.program, files: [images, work] });
  try {
    const type = preDump ? 'PRE_DUMP' : 'DUMP';
    const opts = optionsOf(settings, record, request);
    askCriu(
      plan,
      () => ({ type, opts }),
      ({ script }) => {
        if (script === 'status-ready') request.onLazyPages();
      },
    );
  } catch (error) {
    throw withLog(error, `${work}/${LOG}`);
  }
}

function optionsOf(settings: Settings, record: ContainerRecord, request: CheckpointRequest): CriuOptions {
  const { leaveRunning, tcpSkipInFlight, linkRemap, parent, pageServer, preDump } = request;
  const freezer = freezerOf(record);
  return {
    ...commonOptions(record, request),
    logFile: LOG,
    root: record.rootfs,
    pid: record.init?.pid ?? 0,
    leaveRunning,
    tcpSkipInFlight,
    linkRemap,
    external: externalNamespaces(record),
    ...(freezer === undefined ? {} : { freezeCgroup: freezer }),
    ...(parent === undefined ? {} : { parentImg: parent, trackMem: true }),
    ...(pageServer === undefined ? {} : { pageServer }),
    ...(preDump ? {} : { extMnt: mountsToDump(record, settings.layout) }),
  };
}

/** What a dump and a restore are told alike: the first two files that CRIU gets are the image directory and that of the log. The network is made by hooks and whoever else, never by CRIU, as with runc. */
export function commonOptions({ spec }: ContainerRecord, request: CriuSettings): CriuOptions {
  const { tcpEstablished, extUnixSk, shellJob, fileLocks, autoDedup, lazyPages, cgroupsMode } = request;
  const configFile = spec.annotations?.['org.criu.config'] ?? '/etc/criu/runc.conf';
  return {
    imagesDirFd: passedFd(0),
    workDirFd: passedFd(1),
    logLevel: 4,
    manageCgroups: true,
    manageCgroupsMode: CGROUP_MODES[cgroupsMode],
    notifyScripts: true,
    orphanPtsMaster: true,
    emptyNs: CLONE_NEW.network,
    tcpEstablished,
    extUnixSk,
    shellJob,
    fileLocks,
    autoDedup,
    lazyPages,
    ...(configFile === '' ? {} : { configFile }),
  };
}

function freezerOf({ cgroups }: ContainerRecord): string | undefined {
  if (cgroups === undefined) return undefined;
  const { layout, path } = cgroups;
  const mountPoint = hierarchyOf(layout, 'freezer')?.mountPoint ?? layout.unified;
  return mountPoint === undefined ? undefined : `${mountPoint}${path}`;
}

function externalNamespaces({ spec }: ContainerRecord): string[] {
  const { joined } = namespacesOf(spec);
  return Object.entries(EXTERNAL_NAMESPACES).flatMap(([type, { name, key }]) => {
    const path = joined.get(type as keyof typeof EXTERNAL_NAMESPACES);
    return path === undefined ? [] : [`${name}[${statSync(path).ino}]:${key}`];
  });
}

/** Throws `internal` in runc's words for what CRIU, or this kernel, does not do. */
function requireFeature({ program }: CriuSettings, feature: 'memTrack' | 'lazyPages'): void {
  const name = feature === 'memTrack' ? 'MemTrack' : 'LazyPages';
  let features;
  try {
    const request = { type: 'FEATURE_CHECK', features: { [feature]: true } } as const;
    features = askCriu(criuPlan({ program }), () => request).features;
  } catch (error) {
    throw internal(`CRIU feature check failed: ${messageOf(error)}`, { cause: error });
  }
  if (features?.[feature] !== true) throw internal(`criu is missing features: [${name}]`);
}

/** Throws `invalid-argument` in runc's words. */
export function readCgroupsMode(given: string): keyof typeof CGROUP_MODES {
  if (given === '') return 'default';
  if (given !== 'default' && Object.hasOwn(CGROUP_MODES, given)) return given as keyof typeof CGROUP_MODES;
  throw invalidArgument('invalid manage-cgroups-mode value');
}
