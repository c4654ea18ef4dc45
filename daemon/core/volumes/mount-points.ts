import { posix } from 'node:path';
import { codeOf, invalidArgument, messageOf } from '../../../common/errors.ts';
import { newId } from '../../../common/ids.ts';
import type { Bind, Container, CreateRequest, ImageMount, MountPoint, VolumeUse } from '../contract.ts';
import type { Core } from '../core.ts';
import { LOCAL_DRIVER } from './contract.ts';

/** What is known elsewhere. */
export interface MountSources {
  /** Another container, for `volumesFrom`. Throws `not-found`. */
  readonly container: (reference: string) => Container;
  /** Of the volume of this name if there is one. */
  readonly driverOf: (volume: string) => string | undefined;
  readonly localPath: (volume: string) => string;
  /** Throws `not-found`. */
  readonly imageId: (reference: string) => string;
  /** The anonymous volume that the container has there already. */
  readonly anonymousAt?: (destination: string) => string | undefined;
}

/** A volume that the container mounts, and what it is to be like if it does not exist. */
export interface WantedVolume {
  readonly name: string;
  readonly anonymous: boolean;
  readonly driver: string | undefined;
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

export interface SettledMounts {
  readonly mounts: readonly MountPoint[];
  readonly volumes: readonly WantedVolume[];
}

/**
 * All mounts of a container, docker's order deciding about each destination: those of other containers, binds and volumes of `-v` over
 * them, then `--mount`, and volumes that the image or the request only names, where nothing else is. `config` is merged with the image's.
 * Throws `invalid-argument` `Duplicate mount point: /x`.
 */
export function settleMounts(config: CreateRequest, sources: MountSources): SettledMounts {
  const { host } = config;
  const points = new Map<string, MountPoint>();
  const volumes: WantedVolume[] = [];
  const own = new Set(Object.keys(host.tmpfs).map((path) => posix.resolve('/', path)));
  const put = (point: MountPoint): void => {
    if (own.has(point.destination)) throw invalidArgument(`Duplicate mount point: ${point.destination}`);
    own.add(point.destination);
    points.set(point.destination, point);
  };
  const volume = (use: VolumeUse): MountPoint => {
    const name = use.name === '' ? (sources.anonymousAt?.(use.destination) ?? newId()) : use.name;
    const driver = (use.driver || sources.driverOf(name)) ?? LOCAL_DRIVER;
    const { options, labels } = use;
    volumes.push({ name, anonymous: use.name === '', driver: use.driver || undefined, options, labels });
    return volumePoint(use, { name, driver, source: driver === LOCAL_DRIVER ? sources.localPath(name) : '' });
  };
  for (const from of host.volumesFrom) {
    for (const point of inherited(from, sources)) points.set(point.destination, point);
  }
  host.binds.forEach((bind) => put(bindPoint(bind)));
  host.volumes.forEach((use) => put(volume(use)));
  host.imageMounts.forEach((image) => put(imagePoint(image, sources.imageId(image.image))));
  for (const path of Object.keys(config.volumes)) {
    const destination = posix.resolve('/', path);
    if (points.has(destination) || own.has(destination)) continue;
    const use = { ...ANONYMOUS, destination, driver: host.volumeDriver };
    points.set(destination, { ...volume(use), mode: '' });
  }
  return { mounts: [...points.values()], volumes };
}

const ANONYMOUS: VolumeUse = {
  name: '',
  destination: '',
  readOnly: false,
  mode: '',
  noCopy: false,
  subpath: '',
  driver: '',
  options: {},
  labels: {},
};

const PLAIN = {
  name: '',
  driver: '',
  propagation: '',
  subpath: '',
  anonymous: false,
  copyUp: false,
  createSource: false,
  nonRecursive: false,
  readOnlyTree: 'all',
  idmap: false,
} as const;

const bindPoint = (bind: Bind): MountPoint => ({
  ...PLAIN,
  type: 'bind',
  source: bind.source,
  destination: bind.destination,
  mode: bind.mode,
  rw: !bind.readOnly,
  propagation: bind.propagation,
  createSource: bind.createSource,
  nonRecursive: bind.nonRecursive ?? false,
  readOnlyTree: bind.readOnlyTree ?? 'all',
  idmap: bind.idmap ?? false,
});

const volumePoint = (
  use: VolumeUse,
  { name, driver, source }: { readonly name: string; readonly driver: string; readonly source: string },
): MountPoint => ({
  ...PLAIN,
  type: 'volume',
  name,
  source,
  driver,
  destination: use.destination,
  // Docker's, for its own driver: a label of SELinux that it shares.
  mode: use.mode === '' && driver === LOCAL_DRIVER ? 'z' : use.mode,
  rw: !use.readOnly,
  subpath: use.subpath,
  anonymous: use.name === '',
  copyUp: !use.noCopy,
});

/** By its id: the name may be another's later, and the image stays as long as it is mounted. */
const imagePoint = ({ image, destination, subpath }: ImageMount, id: string): MountPoint => ({
  ...PLAIN,
  type: 'image',
  name: image,
  source: id,
  destination,
  mode: '',
  rw: false,
  subpath,
});

/** The other's mounts, as they are, but read-only if it is said. */
function inherited(spec: string, sources: MountSources): MountPoint[] {
  const [, reference = '', mode] = /^([^:]*)(?::(.*))?$/.exec(spec) ?? [];
  if (reference === '') throw invalidArgument(`malformed volumes-from specification: ${spec}`);
  if (mode !== undefined && mode !== '' && !isMode(mode)) {
    throw invalidArgument(`invalid mode: ${mode}`);
  }
  const isReadOnly = (mode ?? '').split(',').includes('ro');
  return donor(reference, sources).mounts.map((point) => ({
    ...point,
    mode: '',
    rw: point.rw && !isReadOnly,
    copyUp: false,
    createSource: false,
  }));
}

/** One that is not there makes the request wrong, as in docker. */
function donor(reference: string, sources: MountSources): Container {
  try {
    return sources.container(reference);
  } catch (error) {
    if (codeOf(error) !== 'not-found') throw error;
    throw invalidArgument(messageOf(error), { cause: error });
  }
}

const isMode = (mode: string): boolean =>
  mode
    .split(',')
    .every((word) => ['ro', 'rw', 'z', 'Z', 'nocopy', 'consistent', 'cached', 'delegated'].includes(word));

/** The mounts of a container that is being created; `before` are those of one that is there. Throws as `settleMounts` does. */
export const settleMountsFor = (
  { table, volumeParts, images }: Pick<Core, 'table' | 'volumeParts' | 'images'>,
  config: CreateRequest,
  before: readonly MountPoint[] = [],
): SettledMounts =>
  settleMounts(config, {
    anonymousAt: (destination) =>
      before.find((point) => point.anonymous && point.destination === destination)?.name,
    container: (reference) => table.find(reference).view,
    driverOf: (volume) => volumeParts.table.find(volume)?.driver,
    localPath: (volume) => volumeParts.drivers.local.dataPath(volume),
    imageId: (reference) => images.get(reference).id,
  });
