import type { DatabaseSync } from 'node:sqlite';
import type { Labels } from '../../../image/namespaces/labels.ts';
import { makeLeases, type StoredLease } from '../../../image/namespaces/leases.ts';
import { openRows } from '../../../image/namespaces/rows.ts';
import type { Core } from '../core.ts';
import { makeContainerRecords } from './container-records.ts';
import type { Containerd } from './contract.ts';
import { makeDockerContainers } from './docker-containers.ts';
import { makeNamespaces } from './namespaces.ts';
import { makeTasks } from '../tasks/tasks.ts';
import type { StoredRecord } from './stored-record.ts';

/** What containerd's API stands on. */
export function openContainerd(core: Core, db: DatabaseSync): Containerd {
  const containers = openRows<StoredRecord>(db, 'container');
  const records = makeContainerRecords(containers, makeDockerContainers(core));
  return {
    namespaces: makeNamespaces(openRows<Labels>(db, 'namespace'), {
      containers: (namespace) => containers.list(namespace).length > 0,
    }),
    leases: makeLeases(openRows<StoredLease>(db, 'lease')),
    containers: records,
    tasks: makeTasks(core, records),
  };
}
