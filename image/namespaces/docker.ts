import type { Catalog } from '../catalog.ts';
import type { Digest } from '../digest.ts';
import { complete } from '../reference.ts';
import type { Layers } from '../snapshots/layers.ts';
import type { WritableSnapshots } from '../snapshots/writable.ts';
import type { DockerContent } from './content/content.ts';
import type { MountSpec, NamedImage } from './contract.ts';
import type { DockerImages } from './images.ts';
import type { DockerSnapshots } from './snapshots/snapshots.ts';
import type { StoredSnapshot } from './snapshots/stored.ts';

/** Where docker's things show. */
export const DOCKER_NAMESPACE = 'moby';

interface Parts {
  readonly catalog: Catalog;
  readonly layers: Layers;
  readonly snapshots: WritableSnapshots;
  readonly hasIndex: boolean;
}

export interface DockerView {
  readonly images: DockerImages;
  readonly content: DockerContent;
  readonly snapshots: DockerSnapshots;
}

/** What docker's images and containers have, as containerd's API would name it. */
export function makeDockerView(parts: Parts): DockerView {
  const { catalog } = parts;
  const isDockers = (namespace: string): boolean => namespace === DOCKER_NAMESPACE;
  return {
    images: { list: (namespace) => (isDockers(namespace) ? imagesOf(catalog) : []) },
    content: {
      list: (namespace): Digest[] => (isDockers(namespace) ? [...catalog.liveBlobs()] : []),
      has: (namespace, digest) => isDockers(namespace) && catalog.liveBlobs().has(digest),
    },
    snapshots: {
      list: (namespace) => (isDockers(namespace) ? snapshotsOf(parts) : new Map()),
      mounts: (key) => [mountOf(parts, key)],
    },
  };
}

/** By each of their names; an image that came without a manifest has nothing that containerd could begin with. */
function imagesOf(catalog: Catalog): NamedImage[] {
  return catalog.list().flatMap(({ id, descriptor, createdAt, lastTaggedAt }) => {
    if (descriptor === undefined) return [];
    const made = dateOf(createdAt);
    return catalog.names(id).map((name) => ({
      name: complete(name),
      target: { ...descriptor, annotations: {} },
      labels: {},
      createdAt: made,
      updatedAt: lastTaggedAt === undefined ? made : dateOf(lastTaggedAt),
    }));
  });
}

const dateOf = (text: string): Date => {
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? new Date(0) : date;
};

const NOW = { labels: {}, createdAt: new Date(0).toISOString(), updatedAt: new Date(0).toISOString() };

/** Layers by chain id, containers by their ids. */
function snapshotsOf({ layers, snapshots }: Parts): ReadonlyMap<string, StoredSnapshot> {
  const found = new Map<string, StoredSnapshot>();
  for (const { chain, parent = '' } of layers.all())
    found.set(chain, { ...NOW, kind: 'committed', chain, parent });
  for (const key of snapshots.keys()) {
    const [top = ''] = snapshots.topsOf([key]);
    found.set(key, { ...NOW, kind: 'active', parent: top });
  }
  return found;
}

function mountOf({ snapshots, hasIndex }: Parts, key: string): MountSpec {
  const { lower, upper, work } = snapshots.get(key);
  const index = hasIndex ? ['index=off'] : [];
  if (lower.length === 0) return { type: 'bind', source: upper, options: ['rw', 'rbind'] };
  const options = [...index, `workdir=${work}`, `upperdir=${upper}`, `lowerdir=${lower.join(':')}`];
  return { type: 'overlay', source: 'overlay', options };
}
