import type { Collected } from '../../../../image/namespaces/contract.ts';
import { ImageDeleteSchema } from '../gen/containerd/events/image_pb.ts';
import { SnapshotRemoveSchema } from '../gen/containerd/events/snapshot_pb.ts';
import type { Publish } from './contract.ts';

/** Publishes what the garbage collection took, as the calls do that take it; containerd says nothing of content. */
export function publishCollected(publish: Publish, { kind, namespace, name }: Collected): void {
  if (kind === 'image') publish({ namespace, topic: '/images/delete' }, ImageDeleteSchema, { name });
  if (kind === 'snapshot')
    publish({ namespace, topic: '/snapshot/remove' }, SnapshotRemoveSchema, { key: name });
}
