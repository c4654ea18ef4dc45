import type { MessageInitShape } from '@bufbuild/protobuf';
import type { HandlerContext, ServiceImpl } from '@connectrpc/connect';
import type { SnapshotInfo } from '../../../../image/namespaces/contract.ts';
import { invalidArgument } from '../../../../common/errors.ts';
import { malformed } from '../../../../image/namespaces/errors.ts';
import { compileFilters, type Fields } from '../../../../image/namespaces/filter.ts';
import { ctxOf, namespaceOf, scopeOf } from '../call.ts';
import { toTimestamp } from '../convert/any.ts';
import { mountToWire } from '../convert/mounts.ts';
import {
  SnapshotCommitSchema,
  SnapshotPrepareSchema,
  SnapshotRemoveSchema,
} from '../gen/containerd/events/snapshot_pb.ts';
import {
  Kind,
  type InfoSchema,
  type Snapshots,
} from '../gen/containerd/services/snapshots/v1/snapshots_pb.ts';
import type { ContainerdParts } from '../parts.ts';

const SNAPSHOTTER = 'overlayfs';
const INFOS = 100;

export function makeSnapshots({ containerd, events, log }: ContainerdParts): ServiceImpl<typeof Snapshots> {
  const { snapshots } = containerd.store;
  /** Every request names the snapshotter. */
  const namespaceFor = (snapshotter: string, context: HandlerContext): string => {
    refuseOthers(snapshotter);
    return namespaceOf(context);
  };
  return {
    prepare: async ({ snapshotter, key, parent, labels }, context) => {
      const namespace = namespaceFor(snapshotter, context);
      const mounts = await snapshots.prepare(ctxOf(log, context), scopeOf(context), {
        ...{ key, parent, labels },
      });
      events.publish({ namespace, topic: '/snapshot/prepare' }, SnapshotPrepareSchema, { key, parent });
      return { mounts: mounts.map(mountToWire) };
    },
    view: async ({ snapshotter, key, parent, labels }, context) => {
      refuseOthers(snapshotter);
      const mounts = await snapshots.view(ctxOf(log, context), scopeOf(context), {
        ...{ key, parent, labels },
      });
      return { mounts: mounts.map(mountToWire) };
    },
    mounts: ({ snapshotter, key }, context) => ({
      mounts: snapshots.mounts(namespaceFor(snapshotter, context), key).map(mountToWire),
    }),
    commit: async ({ snapshotter, name, key, labels }, context) => {
      const namespace = namespaceFor(snapshotter, context);
      await snapshots.commit(ctxOf(log, context), scopeOf(context), { key, name, labels });
      events.publish({ namespace, topic: '/snapshot/commit' }, SnapshotCommitSchema, { key, name });
      return {};
    },
    remove: async ({ snapshotter, key }, context) => {
      const namespace = namespaceFor(snapshotter, context);
      await snapshots.remove(ctxOf(log, context), namespace, key);
      events.publish({ namespace, topic: '/snapshot/remove' }, SnapshotRemoveSchema, { key });
      return {};
    },
    stat: ({ snapshotter, key }, context) => ({
      info: infoToWire(snapshots.stat(namespaceFor(snapshotter, context), key)),
    }),
    update: ({ snapshotter, info, updateMask }, context) => {
      const namespace = namespaceFor(snapshotter, context);
      if (info === undefined || info.name === '') throw invalidArgument('invalid argument');
      const { name, labels } = info;
      return { info: infoToWire(snapshots.update(namespace, { name, labels }, updateMask?.paths ?? [])) };
    },
    list: async function* ({ snapshotter, filters }, context) {
      const namespace = namespaceFor(snapshotter, context);
      const passes = compileFilters(filters);
      const all = snapshots.list(namespace).filter((info) => passes(infoFields(info)));
      for (let at = 0; at < all.length; at += INFOS)
        yield { info: all.slice(at, at + INFOS).map(infoToWire) };
    },
    usage: async ({ snapshotter, key }, context) => {
      const namespace = namespaceFor(snapshotter, context);
      const { bytes, inodes } = await snapshots.usage(ctxOf(log, context), namespace, key);
      return { size: BigInt(bytes), inodes: BigInt(inodes) };
    },
    cleanup: async ({ snapshotter }, context) => {
      namespaceFor(snapshotter, context);
      await containerd.store.collect();
      return {};
    },
  };
}

function refuseOthers(snapshotter: string): void {
  if (snapshotter === '') throw malformed('snapshotter argument missing');
  if (snapshotter !== SNAPSHOTTER) throw malformed(`snapshotter not loaded: ${snapshotter}`);
}

const KIND = { active: Kind.ACTIVE, view: Kind.VIEW, committed: Kind.COMMITTED } as const;

const infoToWire = ({
  kind,
  createdAt,
  updatedAt,
  ...info
}: SnapshotInfo): MessageInitShape<typeof InfoSchema> => ({
  ...info,
  kind: KIND[kind],
  createdAt: toTimestamp(createdAt),
  updatedAt: toTimestamp(updatedAt),
});

const infoFields =
  ({ name, parent, kind, labels }: SnapshotInfo): Fields =>
  ([field = '', ...rest]) => {
    switch (field) {
      case 'name':
        return name;
      case 'parent':
        return parent;
      case 'kind':
        return kind;
      case 'labels':
        return labels[rest.join('.')];
      default:
        return undefined;
    }
  };
