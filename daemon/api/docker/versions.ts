import { invalidArgument, type WherryError } from '../../../common/errors.ts';

/** What differs between versions of docker's API, and how a request names its version. The only file that compares versions. */
export const API_VERSION = '1.51';
export const MIN_API_VERSION = '1.24';

/**
 * The Docker Engine release whose wire this door speaks. Clients compare it with releases of docker
 * (testcontainers, minikube, CI runners), so our own number stands in `Platform` and `Components` instead.
 */
export const ENGINE_VERSION = '28.5.2';

/** The minor number of an accepted version: 24 to 51, since all of them are 1.x. */
export type ApiVersion = number & { readonly __brand: 'ApiVersion' };

const NEWEST = 51 as ApiVersion;
const PREFIX = /^\/v([0-9.]+)(?=\/)/;

/** What a client of version `v` gets; each name says what came, or ended, with which version. */
export const differs = {
  /** 1.42: `application/vnd.docker.multiplexed-stream` tells framed output from a tty's. */
  tellsMultiplexed: (v: ApiVersion) => v >= 42,
  /** 1.42: `signal` of stop and restart. */
  takesStopSignal: (v: ApiVersion) => v >= 42,
  /** 1.42: a console size in create and exec. */
  takesConsoleSize: (v: ApiVersion) => v >= 42,
  /** Before 1.25 the client removed the container itself. */
  removesItself: (v: ApiVersion) => v >= 25,
  /** 1.30: wait takes a condition and answers its headers at once. */
  takesWaitCondition: (v: ApiVersion) => v >= 30,
  /** Before 1.40 an unset IPC mode meant `shareable`. */
  sharesIpc: (v: ApiVersion) => v < 40,
  /** Before 1.42: a limit of kernel memory. */
  takesKernelMemory: (v: ApiVersion) => v < 42,
  /** 1.40: the same for buffers of TCP. */
  takesKernelMemoryTcp: (v: ApiVersion) => v >= 40,
  /** 1.40: the limit of processes in an update. */
  updatesPidsLimit: (v: ApiVersion) => v >= 40,
  /** 1.43: annotations for the OCI runtime. */
  takesAnnotations: (v: ApiVersion) => v >= 43,
  /** Before 1.43 an image without a name is listed as `<none>:<none>`. */
  namesNone: (v: ApiVersion) => v < 43,
  /** 1.44: the interval of healthchecks in their start period. */
  takesStartInterval: (v: ApiVersion) => v >= 44,
  /** Before 1.44 an image has a `VirtualSize`. */
  showsVirtualSize: (v: ApiVersion) => v < 44,
  /** Before 1.45 an image has `Container` and `ContainerConfig`. */
  showsImageContainer: (v: ApiVersion) => v < 45,
  /** 1.46: where containerd's API is, in info. */
  showsContainerd: (v: ApiVersion) => v >= 46,
  /** 1.46: annotations in a container list; image `create` events. */
  showsImageCreateEvent: (v: ApiVersion) => v >= 46,
  /** 1.32: the platform of a pull. */
  takesPullPlatform: (v: ApiVersion) => v >= 32,
  /** 1.46: the platform of a push. */
  takesPushPlatform: (v: ApiVersion) => v >= 46,
  /** 1.48: the platform of save, load and history. */
  takesImagePlatform: (v: ApiVersion) => v >= 48,
  /** 1.49: the platform of an image that is inspected. */
  takesInspectPlatform: (v: ApiVersion) => v >= 49,
  /** 1.50: the platforms that are removed of an image. */
  takesRemovePlatforms: (v: ApiVersion) => v >= 50,
  /** 1.42: disk usage of some types only; before, the size of the build cache is told. */
  takesUsageTypes: (v: ApiVersion) => v >= 42,
  /** 1.42: pruning volumes leaves named ones, unless asked for all. */
  prunesAnonymous: (v: ApiVersion) => v >= 42,
  /** 1.48: descriptors of image manifests. */
  showsDescriptor: (v: ApiVersion) => v >= 48,
  /** 1.49: the firewall's name; before, the commits that were expected. */
  showsFirewall: (v: ApiVersion) => v >= 49,
  /** Before 1.47 info names the registries for nondistributable artifacts. */
  showsNondistributable: (v: ApiVersion) => v < 47,
  /** Before 1.50 an image's config holds a container's fields, and info two of bridge-nf. */
  showsContainerFields: (v: ApiVersion) => v < 50,
  /** 1.50: devices that were found, in info. */
  showsDevices: (v: ApiVersion) => v >= 50,
  /** 1.51: an image list counts containers. */
  countsContainers: (v: ApiVersion) => v >= 51,
  /** 1.28: what a container writes is a binary message of a websocket, not text. */
  sendsBinaryMessages: (v: ApiVersion) => v >= 28,
} as const satisfies Record<string, (v: ApiVersion) => boolean>;

/** The version in a path, as written; undefined without a prefix. */
export const versionOf = (url: string): string | undefined => PREFIX.exec(url)?.[1];

export const withoutVersion = (url: string): string => url.replace(PREFIX, '');

/** Throws `invalid-argument` in docker's words for a version that we don't speak. No version means the newest. */
export function acceptVersion(version: string | undefined): ApiVersion {
  if (version === undefined) return NEWEST;
  if (compare(version, MIN_API_VERSION) < 0) throw tooOld(version);
  if (compare(version, API_VERSION) > 0) {
    throw invalidArgument(
      `client version ${version} is too new. Maximum supported API version is ${API_VERSION}`,
    );
  }
  return Number(version.split('.')[1]) as ApiVersion;
}

/** Clients from before 1.24 print an error's body as it is, so they get plain text. */
export const wantsPlainErrors = (version: string | undefined): boolean =>
  version !== undefined && compare(version, MIN_API_VERSION) < 0;

function tooOld(version: string): WherryError {
  return invalidArgument(
    `client version ${version} is too old. Minimum supported API version is ${MIN_API_VERSION}, please upgrade your client to a newer version`,
  );
}

function compare(a: string, b: string): number {
  const [left, right] = [a.split('.').map(Number), b.split('.').map(Number)];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
