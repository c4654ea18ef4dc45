import { invalidArgument } from '../../../common/errors.ts';
import { absent, malformed, precluded, taken } from '../../../image/namespaces/errors.ts';
import { checkLabels } from '../../../image/namespaces/labels.ts';
import type { Rows } from '../../../image/namespaces/rows.ts';
import { DOCKER_NAMESPACE } from '../../../image/namespaces/docker.ts';
import type { ContainerRecord, ContainerRecords, NewContainerRecord } from './contract.ts';
import { checkIdentifier } from './identifier.ts';
import { changeRecord } from './change-record.ts';
import { fromStored, toStored, type StoredRecord } from './stored-record.ts';

/** Docker's containers, as containerd would have them. */
export interface DockerContainers {
  list(): Promise<readonly ContainerRecord[]>;
  get(id: string): Promise<ContainerRecord | undefined>;
}

export function makeContainerRecords(
  rows: Rows<StoredRecord>,
  { docker, onDelete }: { readonly docker: DockerContainers; readonly onDelete: () => void },
): ContainerRecords {
  const find = (namespace: string, id: string): ContainerRecord | undefined => {
    const stored = rows.get(namespace, id);
    return stored === undefined ? undefined : fromStored(id, stored);
  };
  return {
    list: async (namespace) =>
      namespace === DOCKER_NAMESPACE
        ? docker.list()
        : rows.list(namespace).map(({ name, value }) => fromStored(name, value)),
    get: async (namespace, id) => {
      const found = namespace === DOCKER_NAMESPACE ? await docker.get(id) : find(namespace, id);
      if (found === undefined) throw absent(`container "${id}" in namespace "${namespace}"`);
      return found;
    },
    create: (namespace, record) => {
      refuseDockers(namespace);
      checkRecord('create container failed validation: ', record);
      if (find(namespace, record.id) !== undefined) throw taken(`container "${record.id}"`);
      const now = new Date();
      const made = { ...record, createdAt: now, updatedAt: now };
      rows.put(namespace, record.id, toStored(made));
      return made;
    },
    update: (namespace, record, paths) => {
      refuseDockers(namespace);
      if (record.id === '') throw invalidArgument('Container.ID required');
      const present = find(namespace, record.id);
      if (present === undefined) throw absent(`container "${record.id}"`);
      const changed = { ...changeRecord(present, record, paths), updatedAt: new Date() };
      checkRecord('update failed validation: ', changed);
      rows.put(namespace, record.id, toStored(changed));
      return changed;
    },
    delete: (namespace, id) => {
      refuseDockers(namespace);
      if (!rows.remove(namespace, id)) throw absent(`container ${id}`);
      onDelete();
    },
  };
}

/** Docker's door knows much more of them than a record says. */
function refuseDockers(namespace: string): void {
  if (namespace === DOCKER_NAMESPACE)
    throw precluded(`containers of namespace "${namespace}" are docker's: use docker's API to change them`);
}

function checkRecord(what: string, record: NewContainerRecord): void {
  checkIdentifier(record.id, `${what}container.ID: `);
  if (Object.hasOwn(record.extensions, ''))
    throw malformed(`${what}container.Extension keys must not be zero-length`);
  checkLabels(`${what}containers.Labels`, record.labels);
  if (record.runtime.name === '') throw malformed(`${what}container.Runtime.Name must be set`);
  if (record.spec === undefined) throw malformed(`${what}container.Spec must be set`);
  if (record.snapshotKey !== '' && record.snapshotter === '')
    throw malformed(`${what}container.Snapshotter must be set if container.SnapshotKey is set`);
}
