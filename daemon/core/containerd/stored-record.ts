import { setLabels } from '../../../image/namespaces/labels.ts';
import type { ContainerRecord, Packed } from './contract.ts';

/** As its row has it: JSON knows no bytes and no dates. */
export interface StoredRecord extends Omit<
  ContainerRecord,
  'id' | 'runtime' | 'spec' | 'extensions' | 'createdAt' | 'updatedAt'
> {
  readonly runtime: { readonly name: string; readonly options?: StoredPacked };
  readonly spec?: StoredPacked;
  readonly extensions: Readonly<Record<string, StoredPacked>>;
  readonly createdAt: string;
  readonly updatedAt: string;
}

interface StoredPacked {
  readonly typeUrl: string;
  readonly base64: string;
}

export function toStored({ id: _id, ...record }: ContainerRecord): StoredRecord {
  const { runtime, spec, extensions, labels, createdAt, updatedAt } = record;
  return {
    ...record,
    labels: setLabels(labels),
    runtime: { name: runtime.name, ...(runtime.options && { options: packedToJson(runtime.options) }) },
    ...(spec === undefined ? { spec: undefined } : { spec: packedToJson(spec) }),
    extensions: mapValues(extensions, packedToJson),
    createdAt: createdAt.toISOString(),
    updatedAt: updatedAt.toISOString(),
  } as StoredRecord;
}

export function fromStored(id: string, stored: StoredRecord): ContainerRecord {
  const { runtime, spec, extensions, createdAt, updatedAt, ...rest } = stored;
  return {
    ...rest,
    id,
    runtime: { name: runtime.name, options: runtime.options && packedFromJson(runtime.options) },
    spec: spec && packedFromJson(spec),
    extensions: mapValues(extensions, packedFromJson),
    createdAt: new Date(createdAt),
    updatedAt: new Date(updatedAt),
  };
}

const packedToJson = ({ typeUrl, value }: Packed): StoredPacked => ({
  typeUrl,
  base64: Buffer.from(value).toString('base64'),
});

const packedFromJson = ({ typeUrl, base64 }: StoredPacked): Packed => ({
  typeUrl,
  value: Buffer.from(base64, 'base64'),
});

const mapValues = <A, B>(record: Readonly<Record<string, A>>, convert: (value: A) => B): Record<string, B> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, convert(value)]));
