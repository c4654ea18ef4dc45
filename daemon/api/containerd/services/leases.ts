import { randomBytes } from 'node:crypto';
import type { ServiceImpl } from '@connectrpc/connect';
import { compileRecordFilters, type Fields } from '../../../../image/namespaces/filter.ts';
import type { Lease } from '../../../../image/namespaces/leases.ts';
import { namespaceOf } from '../call.ts';
import { toTimestamp } from '../convert/any.ts';
import type { Leases, Resource } from '../gen/containerd/services/leases/v1/leases_pb.ts';
import type { ContainerdParts } from '../parts.ts';

export function makeLeases({ containerd }: ContainerdParts): ServiceImpl<typeof Leases> {
  const { leases } = containerd.store;
  return {
    create: ({ id, labels }, context) => ({
      lease: leaseToWire(leases.create(namespaceOf(context), id === '' ? randomId() : id, labels)),
    }),
    delete: async ({ id, sync }, context) => {
      leases.delete(namespaceOf(context), id);
      if (sync) await containerd.store.collect();
      return {};
    },
    list: ({ filters }, context) => {
      const passes = compileRecordFilters(filters);
      const all = leases.list(namespaceOf(context));
      return { leases: all.filter((lease) => passes(leaseFields(lease))).map(leaseToWire) };
    },
    addResource: ({ id, resource }, context) => {
      leases.add(namespaceOf(context), id, required(resource));
      return {};
    },
    deleteResource: ({ id, resource }, context) => {
      leases.drop(namespaceOf(context), id, required(resource));
      return {};
    },
    listResources: ({ id }, context) => ({
      resources: leases.resources(namespaceOf(context), id).map((each) => ({ ...each })),
    }),
  };
}

const randomId = (): string => `${Date.now()}-${randomBytes(3).toString('base64url')}`;

const leaseToWire = ({ createdAt, ...lease }: Lease): object => ({
  ...lease,
  createdAt: toTimestamp(createdAt),
});

/** None is one of no type. */
const required = (resource: Resource | undefined): Pick<Resource, 'id' | 'type'> => ({
  id: resource?.id ?? '',
  type: resource?.type ?? '',
});

const leaseFields =
  ({ id, labels }: Lease): Fields =>
  ([field = '', ...rest]) => {
    if (field === 'id') return id;
    return field === 'labels' ? labels[rest.join('.')] : undefined;
  };
