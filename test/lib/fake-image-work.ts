import type { Engine } from '../../daemon/core/contract.ts';
import type { Digest } from '../../image/digest.ts';
import type { ImageId } from '../../image/snapshots.ts';

type Work = Pick<Engine, 'transfers' | 'archives' | 'disk' | 'storage'>;

const DIGEST = `sha256:${'d'.repeat(64)}`;

const NO_USAGE = {
  layersBytes: 0,
  layersDiskBytes: 0,
  contentBytes: 0,
  contentDiskBytes: 0,
  partialBytes: 0,
  images: [],
};

/** What doors ask of registries, archives and the disk account: it is written down, and answered with something of the right shape. */
export function fakeImageWork(record: (name: string, ...args: unknown[]) => void): Work {
  async function* bytes(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('archive');
  }
  return {
    transfers: {
      pull: async (_ctx, request, progress) => {
        record('pull', request);
        progress({ status: `Pulling from ${request.reference}`, id: 'latest' });
        return [];
      },
      push: async (_ctx, request, progress) => {
        record('push', request);
        progress({ status: `The push refers to repository [${request.reference}]` });
      },
      inspect: async (_ctx, reference, credentials) => {
        record('inspect-remote', reference, credentials);
        const descriptor = {
          mediaType: 'application/vnd.oci.image.index.v1+json',
          digest: DIGEST as Digest,
          size: 7,
        };
        return { descriptor, platforms: [{ os: 'linux', architecture: 'amd64' }] };
      },
      login: async (_ctx, host, credentials) => {
        record('login', host, credentials);
        return { identityToken: '' };
      },
      search: async (_ctx, request) => {
        record('search', request);
        return [];
      },
    },
    archives: {
      save: async (_ctx, references, platform) => {
        record('save', references, platform);
        return bytes();
      },
      importRoot: async (_ctx, archive, request) => {
        for await (const _ of archive);
        record('import', request);
        return DIGEST as ImageId;
      },
      commit: async (_ctx, request) => {
        record('commit', request);
        return DIGEST as ImageId;
      },
      changes: async (_ctx, snapshot) => {
        record('changes', snapshot);
        return [{ path: '/new', kind: 'added' }];
      },
      exportRoot: async (_ctx, snapshot) => {
        record('export', snapshot);
        return bytes();
      },
    },
    disk: {
      usage: () => NO_USAGE,
      layers: () => [],
      diff: () => ({ shared: [], onlyFirst: [], onlySecond: [] }),
      verify: async () => ({ expectedBytes: 0, actualBytes: 0, orphans: [], missing: [] }),
      check: async (_ctx, options) => {
        record('check', options);
        return [];
      },
      prune: async (_ctx, request) => {
        record('prune', request);
        return { removed: [], reclaimedBytes: 0 };
      },
      reclaim: async (_ctx, options) => {
        record('reclaim', options);
        return { removed: [], reclaimedBytes: 0 };
      },
      pin: (reference, pinned) => record('pin', reference, pinned),
      touch: () => {},
    },
    storage: {
      usage: async () => ({ images: NO_USAGE, containers: [] }),
      sizeOf: async () => ({ rwBytes: 0, rootFsBytes: 0 }),
      check: async (_ctx, options) => {
        record('check', options);
        return [];
      },
      pruneImages: async (_ctx, request) => {
        record('prune-images', request);
        return { removed: [], reclaimedBytes: 0 };
      },
      reclaim: async (_ctx, options) => {
        record('reclaim', options);
        return { removed: [], reclaimedBytes: 0 };
      },
    },
  };
}
