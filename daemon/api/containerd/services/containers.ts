import type { HandlerContext, ServiceImpl } from '@connectrpc/connect';
import { compileRecordFilters } from '../../../../image/namespaces/filter.ts';
import type { ContainerRecord } from '../../../core/containerd/contract.ts';
import { namespaceOf } from '../call.ts';
import { containerFields, containerFromWire, containerToWire } from '../convert/container.ts';
import { toAny } from '../convert/any.ts';
import {
  ContainerCreateSchema,
  ContainerDeleteSchema,
  ContainerUpdateSchema,
} from '../gen/containerd/events/container_pb.ts';
import type { Containers } from '../gen/containerd/services/containers/v1/containers_pb.ts';
import type { ContainerdParts } from '../parts.ts';

export function makeContainers({ containerd, events }: ContainerdParts): ServiceImpl<typeof Containers> {
  const { containers } = containerd;
  const list = async (filters: readonly string[], context: HandlerContext): Promise<ContainerRecord[]> => {
    const passes = compileRecordFilters(filters);
    const records = await containers.list(namespaceOf(context));
    return records.filter((record) => passes(containerFields(record)));
  };
  return {
    get: async ({ id }, context) => ({
      container: containerToWire(await containers.get(namespaceOf(context), id)),
    }),
    list: async ({ filters }, context) => ({
      containers: (await list(filters, context)).map(containerToWire),
    }),
    listStream: async function* ({ filters }, context) {
      for (const record of await list(filters, context)) yield { container: containerToWire(record) };
    },
    create: ({ container }, context) => {
      const namespace = namespaceOf(context);
      const created = containers.create(namespace, containerFromWire(container));
      const { id, image, runtime } = created;
      const options = toAny(runtime.options);
      events.publish({ namespace, topic: '/containers/create' }, ContainerCreateSchema, {
        ...{ id, image },
        runtime: { name: runtime.name, ...(options && { options }) },
      });
      return { container: containerToWire(created) };
    },
    update: ({ container, updateMask }, context) => {
      const namespace = namespaceOf(context);
      const updated = containers.update(namespace, containerFromWire(container), updateMask?.paths ?? []);
      const { id, image, labels, snapshotKey } = updated;
      events.publish({ namespace, topic: '/containers/update' }, ContainerUpdateSchema, {
        ...{ id, image, labels, snapshotKey },
      });
      return { container: containerToWire(updated) };
    },
    delete: ({ id }, context) => {
      const namespace = namespaceOf(context);
      containers.delete(namespace, id);
      events.publish({ namespace, topic: '/containers/delete' }, ContainerDeleteSchema, { id });
      return {};
    },
  };
}
