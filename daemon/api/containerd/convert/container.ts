import { create, type MessageInitShape } from '@bufbuild/protobuf';
import type { Fields } from '../../../../image/namespaces/filter.ts';
import type { ContainerRecord, NewContainerRecord } from '../../../core/containerd/contract.ts';
import { ContainerSchema, type Container } from '../gen/containerd/services/containers/v1/containers_pb.ts';
import { fromAny, toAny, toTimestamp } from './any.ts';

export function containerToWire(record: ContainerRecord): MessageInitShape<typeof ContainerSchema> {
  const { runtime, spec, extensions, createdAt, updatedAt, ...rest } = record;
  return {
    ...rest,
    runtime: { name: runtime.name, ...defined('options', toAny(runtime.options)) },
    ...defined('spec', toAny(spec)),
    extensions: Object.fromEntries(
      Object.entries(extensions).flatMap(([key, value]) => {
        const any = toAny(value);
        return any === undefined ? [] : [[key, any]];
      }),
    ),
    createdAt: toTimestamp(createdAt),
    updatedAt: toTimestamp(updatedAt),
  };
}

/** None is an empty one, which is refused as such. */
export function containerFromWire(container: Container | undefined): NewContainerRecord {
  const { id, labels, image, runtime, spec, snapshotter, snapshotKey, sandbox, extensions } =
    container ?? create(ContainerSchema);
  return {
    ...{ id, labels, image, snapshotter, snapshotKey, sandbox },
    runtime: { name: runtime?.name ?? '', options: fromAny(runtime?.options) },
    spec: fromAny(spec),
    extensions: Object.fromEntries(
      Object.entries(extensions).map(([key, { typeUrl, value }]) => [key, { typeUrl, value }]),
    ),
  };
}

export const containerFields =
  (record: ContainerRecord): Fields =>
  ([field = '', ...rest]) => {
    switch (field) {
      case 'id':
        return record.id;
      case 'image':
        return record.image === '' ? undefined : record.image;
      case 'runtime':
        return rest[0] === 'name' ? record.runtime.name : undefined;
      case 'labels':
        return record.labels[rest.join('.')];
      default:
        return undefined;
    }
  };

const defined = <K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } =>
  value === undefined ? {} : ({ [key]: value } as { [P in K]?: V });
