import { malformed } from '../../../image/namespaces/errors.ts';
import type { ContainerRecord, NewContainerRecord } from './contract.ts';

/** What an update without a field mask changes. */
const ALL = ['labels', 'spec', 'extensions', 'image', 'snapshotkey'];

/** `present` with those fields of `change` that the mask names. Throws `invalid-argument` for what may not change. */
export function changeRecord(
  present: ContainerRecord,
  change: NewContainerRecord,
  paths: readonly string[],
): ContainerRecord {
  if (paths.length === 0) {
    if (present.snapshotter !== change.snapshotter)
      throw malformed('container.Snapshotter field is immutable');
    if (present.runtime.name !== change.runtime.name)
      throw malformed('container.Runtime.Name field is immutable');
  }
  return (paths.length === 0 ? ALL : paths).reduce(
    (record, path) => changeField(record, change, path),
    present,
  );
}

function changeField(record: ContainerRecord, change: NewContainerRecord, path: string): ContainerRecord {
  const [field = '', ...rest] = path.split('.');
  if (rest.length > 0 && (field === 'labels' || field === 'extensions')) {
    const key = rest.join('.');
    return { ...record, [field]: { ...record[field], [key]: change[field][key] ?? '' } };
  }
  switch (path) {
    case 'labels':
      return { ...record, labels: change.labels };
    case 'spec':
      return { ...record, spec: change.spec };
    case 'extensions':
      return { ...record, extensions: change.extensions };
    case 'image':
      return { ...record, image: change.image };
    case 'snapshotkey':
      return { ...record, snapshotKey: change.snapshotKey };
  }
  throw malformed(`cannot update "${path}" field on "${record.id}"`);
}
