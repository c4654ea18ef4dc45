import type { Namespaced, Node } from '../../../image/namespaces/contract.ts';
import type { Rows } from '../../../image/namespaces/rows.ts';
import type { Core } from '../core.ts';
import { makeContainerRecords } from './container-records.ts';
import type { Containerd } from './contract.ts';
import { makeDockerContainers } from './docker-containers.ts';
import { notedSnapshots } from './noted-snapshots.ts';
import { makeNamespaces, type Holdings } from './namespaces.ts';
import { makeTasks } from '../tasks/tasks.ts';
import type { StoredRecord } from './stored-record.ts';

/** What containerd's API stands on. */
export function openContainerd(core: Core): Containerd {
  const { namespaced: store } = core;
  const containers = store.tables.containers<StoredRecord>();
  store.onRoots(() => rootsOf(containers));
  const namespaces = makeNamespaces(store.tables.namespace, holdingsOf(store, containers));
  const records = makeContainerRecords(containers, {
    docker: makeDockerContainers(core),
    onDelete: () => store.collectSoon(),
  });
  return {
    namespaces,
    containers: records,
    tasks: makeTasks(core, records),
    store: { ...store, snapshots: notedSnapshots(core) },
  };
}

const holdingsOf = (store: Namespaced, containers: Rows<StoredRecord>): Holdings => ({
  images: (namespace) => store.images.list(namespace).length > 0,
  blobs: (namespace) => store.content.list(namespace).length > 0,
  containers: (namespace) => containers.list(namespace).length > 0,
  'snapshots on "overlayfs" snapshotter': (namespace) => store.snapshots.list(namespace).length > 0,
});

const REFERENCE = /^containerd\.io\/gc\.ref\.(content|image|snapshot)(?:$|[./])/;

/** A container holds its snapshot, and what its labels name. */
function* rootsOf(containers: Rows<StoredRecord>): Generator<Node> {
  for (const { namespace, value } of containers.all()) {
    if (value.snapshotKey !== '') yield { kind: 'snapshot', namespace, name: value.snapshotKey };
    for (const [key, name] of Object.entries(value.labels)) {
      const kind = REFERENCE.exec(key)?.[1] as Node['kind'] | undefined;
      if (kind !== undefined) yield { kind, namespace, name };
    }
  }
}
