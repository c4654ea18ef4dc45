import { dirname } from 'node:path';
import type { Ctx } from '../../../common/ctx.ts';
import { unavailable } from '../../../common/errors.ts';
import { syncToDisk } from '../../../common/patient-fs.ts';
import type { ContentStore } from '../../content.ts';
import type { Digest } from '../../digest.ts';
import type { Rebuilt, WholeBlob } from '../../rebuild/contract.ts';
import type { ContentInfo, NamedContent } from '../contract.ts';
import { absent } from '../errors.ts';
import { checkLabels, maskedLabels, setLabels, type Labels } from '../labels.ts';
import type { LeaseHolder } from '../leases.ts';
import type { Rows } from '../rows.ts';

/** As its row has it. */
export interface StoredContent {
  readonly labels: Labels;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** What docker's images refer to, as a namespace has it. */
export interface DockerContent {
  list(namespace: string): readonly Digest[];
  has(namespace: string, digest: Digest): boolean;
}

export interface ContentParts {
  readonly rows: Rows<StoredContent>;
  readonly store: ContentStore;
  readonly rebuilt: Rebuilt;
  readonly docker: DockerContent;
  readonly leases: LeaseHolder;
  readonly onDelete: () => void;
}

const EPOCH = new Date(0);

export function makeNamedContent(parts: ContentParts): NamedContent {
  const { rows, store, rebuilt, docker } = parts;
  const find = (namespace: string, digest: Digest): ContentInfo => {
    const stored = rows.get(namespace, digest);
    const sizeBytes = rebuilt.sizeBytes(digest);
    if (sizeBytes === undefined || (stored === undefined && !docker.has(namespace, digest)))
      throw absent(`content digest ${digest}`);
    return infoOf(digest, sizeBytes, stored);
  };
  return {
    list: (namespace) => {
      const names = new Set([
        ...rows.list(namespace).map(({ name }) => name as Digest),
        ...docker.list(namespace),
      ]);
      return [...names].toSorted().flatMap((digest) => {
        const sizeBytes = rebuilt.sizeBytes(digest);
        return sizeBytes === undefined ? [] : [infoOf(digest, sizeBytes, rows.get(namespace, digest))];
      });
    },
    info: find,
    update: (namespace, { digest, labels }, paths) => {
      const present = find(namespace, digest);
      const changed = maskedLabels(present.labels, {
        asked: labels,
        paths,
        owner: `content info "${digest}"`,
      });
      checkLabels('info.Labels', changed);
      const stored = rows.get(namespace, digest);
      rows.put(namespace, digest, {
        labels: setLabels(changed),
        createdAt: stored?.createdAt ?? new Date().toISOString(),
        updatedAt: new Date().toISOString(),
      });
      return find(namespace, digest);
    },
    delete: (namespace, digest) => {
      if (!rows.remove(namespace, digest)) throw absent(`content digest ${digest}`);
      parts.onDelete();
    },
    open: async (ctx, namespace, digest) => {
      find(namespace, digest);
      return openHeld(parts, ctx, digest);
    },
    adopt: async (ctx, scope, { file, digest, labels }) => {
      using _ = store.hold([digest]);
      if (file !== undefined) {
        await store.adopt(ctx, file, digest);
        // The row must not outlive the name of its file.
        await syncToDisk(dirname(store.path(digest)));
      }
      if (store.size(digest) === undefined) throw unavailable(`content ${digest} is gone: unavailable`);
      const now = new Date().toISOString();
      const before = rows.get(scope.namespace, digest);
      parts.leases.keep(scope, { type: 'content', id: digest });
      rows.put(scope.namespace, digest, {
        labels: setLabels({ ...before?.labels, ...labels }),
        createdAt: before?.createdAt ?? now,
        updatedAt: now,
      });
    },
  };
}

/** Nobody discards it before it is disposed of. */
async function openHeld({ store, rebuilt }: ContentParts, ctx: Ctx, digest: Digest): Promise<WholeBlob> {
  const held = store.hold([digest]);
  try {
    const { path, sizeBytes, ...blob } = await rebuilt.open(ctx, digest);
    const dispose = async (): Promise<void> => {
      held[Symbol.dispose]();
      await blob[Symbol.asyncDispose]();
    };
    return { path, sizeBytes, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    held[Symbol.dispose]();
    throw error;
  }
}

/** What docker's images have shows as old as they can't say. */
function infoOf(digest: Digest, sizeBytes: number, stored: StoredContent | undefined): ContentInfo {
  const { labels = {}, createdAt, updatedAt } = stored ?? {};
  return {
    ...{ digest, sizeBytes, labels },
    createdAt: createdAt === undefined ? EPOCH : new Date(createdAt),
    updatedAt: updatedAt === undefined ? EPOCH : new Date(updatedAt),
  };
}
