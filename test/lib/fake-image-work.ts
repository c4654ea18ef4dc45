import { WherryError } from '../../common/errors.ts';
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

/** How pulls of some names fail before their first progress. */
const FAILURES: Readonly<Record<string, () => WherryError>> = {
  missing: () =>
    new WherryError('not-found', 'manifest for missing:latest not found: manifest unknown: manifest unknown'),
  denied: () =>
    new WherryError(
      'permission-denied',
      "pull access denied for denied, repository does not exist or may require 'docker login': denied: no",
    ),
  locked: () => new WherryError('permission-denied', 'unauthorized: authentication required'),
  away: () => new WherryError('unavailable', 'dial tcp 127.0.0.1:1: connect: connection refused'),
};

/** What doors ask of registries, archives and the disk account: it is written down, and answered with something of the right shape. */
export function fakeImageWork(record: (name: string, ...args: unknown[]) => void): Work {
  async function* bytes(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('archive');
  }
  return {
    transfers: {
      pull: async (ctx, request, progress) => {
        record('pull', request);
        const failure = FAILURES[request.reference.replace(/:latest$/, '')];
        if (failure !== undefined) throw failure();
        if (request.reference.startsWith('endless')) {
          progress({ status: 'Waiting', id: 'layer' });
          await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve));
          record('pull-ended');
          ctx.check();
        }
        progress({ status: `Pulling from ${request.reference}`, id: 'latest' });
        progress({ status: 'Downloading', progressDetail: { current: 500, total: 1000 }, id: 'layer' });
        if (request.reference.startsWith('cut')) throw new WherryError('unavailable', 'unexpected EOF');
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
        return {
          descriptor,
          platforms: [{ os: 'linux', architecture: 'amd64' }],
          manifest: Buffer.from('{"schemaVersion":2}'),
        };
      },
      login: async (_ctx, host, credentials) => {
        record('login', host, credentials);
        if (credentials.password === 'wrong') {
          throw new WherryError('permission-denied', 'unauthorized: incorrect username or password');
        }
        return { identityToken: '' };
      },
      search: async (_ctx, request) => {
        record('search', request);
        return [
          { name: 'busybox', description: 'Small', starCount: 9, isOfficial: true, isAutomated: false },
          { name: 'me/busybox', description: 'Mine', starCount: 1, isOfficial: false, isAutomated: false },
        ];
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
      diffPaths: async function* () {
        yield [{ path: '/new', kind: 'added', aspects: [] }];
      },
      verify: async () => ({ expectedBytes: 0, actualBytes: 0, orphans: [], missing: [] }),
      check: async (_ctx, options) => {
        record('check', options);
        return [];
      },
      compact: async () => {
        record('compact');
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
      sizes: async () => {
        record('sizes');
        return [];
      },
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
