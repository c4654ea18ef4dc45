import type { Image } from '../../../../image/images.ts';
import { differs, type ApiVersion } from '../versions.ts';
import { ZERO_TIME } from './state.ts';

/** One entry of `GET /images/json`; `shown` are the names that the filters left. */
export function summarizeImage(
  image: Image,
  shown: {
    readonly tags: readonly string[];
    readonly digests: readonly string[];
    /** -1: not computed; the same below. */
    readonly containers: number;
    readonly sharedBytes: number;
  },
  version: ApiVersion,
): object {
  const nameless = differs.namesNone(version) && shown.tags.length === 0 && shown.digests.length === 0;
  return {
    Containers: shown.containers,
    Created: unixSeconds(image.createdAt),
    Id: image.id,
    Labels: image.config.Labels ?? null,
    ParentId: '',
    ...descriptor(image, version),
    RepoDigests: nameless ? ['<none>@<none>'] : shown.digests,
    RepoTags: nameless ? ['<none>:<none>'] : shown.tags,
    SharedSize: shown.sharedBytes,
    Size: image.sizeBytes,
    ...(differs.showsVirtualSize(version) ? { VirtualSize: image.sizeBytes } : {}),
  };
}

/** Answer of `GET /images/{name}/json`; `layers` are the directories of its layers, lowest first. */
export function inspectImage(image: Image, layers: readonly string[], version: ApiVersion): object {
  return {
    Id: image.id,
    RepoTags: image.tags,
    RepoDigests: image.digests,
    Parent: '',
    Comment: image.history.at(-1)?.comment ?? '',
    ...(image.createdAt === '' ? {} : { Created: image.createdAt }),
    ...(differs.showsImageContainer(version) ? { Container: '', ContainerConfig: CONTAINER_CONFIG } : {}),
    DockerVersion: '',
    Author: image.author,
    Config: {
      ...(differs.showsContainerFields(version) ? CONTAINER_FIELDS : CONFIG_FIELDS),
      ...image.config,
    },
    Architecture: image.architecture,
    ...(image.variant === undefined ? {} : { Variant: image.variant }),
    Os: image.os,
    Size: image.sizeBytes,
    ...(differs.showsVirtualSize(version) ? { VirtualSize: image.sizeBytes } : {}),
    GraphDriver: { Data: graphData(layers), Name: 'overlay2' },
    RootFS: { Type: 'layers', ...(image.diffIds.length === 0 ? {} : { Layers: image.diffIds }) },
    Metadata: { LastTagTime: image.lastTaggedAt ?? ZERO_TIME },
    ...descriptor(image, version),
  };
}

/** Without docker's `MergedDir` and `WorkDir`: nothing is mounted for an image. */
function graphData(layers: readonly string[]): object | null {
  const [top, ...below] = layers.toReversed();
  if (top === undefined) return null;
  return { ...(below.length === 0 ? {} : { LowerDir: below.join(':') }), UpperDir: top };
}

/** Answer of `GET /images/{name}/history`, newest first; only the image itself has an id. */
export function imageHistory(image: Image): object[] {
  const sizes = [...(image.layerSizes ?? [image.sizeBytes])];
  const entries = image.history.map((entry) => ({
    Comment: entry.comment ?? '',
    Created: unixSeconds(entry.created ?? ''),
    CreatedBy: entry.created_by ?? '',
    Id: '<missing>',
    Size: entry.empty_layer === true ? 0 : (sizes.shift() ?? 0),
    Tags: null as readonly string[] | null,
  }));
  return entries
    .reverse()
    .map((entry, index) => (index === 0 ? { ...entry, Id: image.id, Tags: nullIfEmpty(image.tags) } : entry));
}

const descriptor = (image: Image, version: ApiVersion): object =>
  image.descriptor !== undefined && differs.showsDescriptor(version) ? { Descriptor: image.descriptor } : {};

const nullIfEmpty = <T>(list: readonly T[]): readonly T[] | null => (list.length === 0 ? null : list);

const unixSeconds = (time: string): number => {
  const ms = Date.parse(time);
  return Number.isNaN(ms) ? 0 : Math.floor(ms / 1000);
};

/** Fields that docker always showed; clients read them without looking whether they are there. */
const CONFIG_FIELDS = {
  Cmd: null,
  Entrypoint: null,
  Env: null,
  Labels: null,
  OnBuild: null,
  User: '',
  Volumes: null,
  WorkingDir: '',
};

const CONTAINER_FIELDS = {
  ...CONFIG_FIELDS,
  AttachStderr: false,
  AttachStdin: false,
  AttachStdout: false,
  Domainname: '',
  Hostname: '',
  Image: '',
  OpenStdin: false,
  StdinOnce: false,
  Tty: false,
};

const CONTAINER_CONFIG = CONTAINER_FIELDS;
