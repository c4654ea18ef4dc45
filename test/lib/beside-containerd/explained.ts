const MOBY = "docker's containers and images show in the namespace moby, which is always there";
const RETURNS = 'a real containerd forgets to return the namespace';
const WHOSE = 'a real containerd leaves out whose process it is';
const KIND = 'a real containerd does not say what kind of error it is';
const KEYS = 'a real containerd gives the error of its database';

/** What we answer otherwise than a real containerd, by the step, with the reason. */
export const EXPLAINED: Readonly<Record<string, string>> = {
  'Version.version 1': 'it is another program',
  'Namespaces.list 1': MOBY,
  ...{ 'Namespaces.update 1': RETURNS, 'Namespaces.update 2': RETURNS, 'Namespaces.update 3': RETURNS },
  'Content.status 3': 'a real containerd keeps what is expected only while somebody writes',
  'Content.listStatuses 2': 'the same',
  'Content.list 2': 'a real containerd forgets the time of an update without a mask',
  ...{ 'Snapshots.prepare 1': KEYS, 'Snapshots.commit 4': KEYS },
  'Snapshots.list 1': KIND,
  'Snapshots.cleanup 1': 'what nobody needs is collected; an overlayfs of containerd has nothing to clean up',
  ...{ 'Tasks.get 4': WHOSE, 'Tasks.get 5': WHOSE, 'Tasks.get 6': WHOSE, 'Tasks.delete 3': WHOSE },
  ...{ 'Tasks.list 1': WHOSE, 'Tasks.list 2': WHOSE },
  ...{ 'Tasks.create 4': KIND, 'Tasks.create 5': KIND },
  ...{ 'Tasks.exec 4': KIND, 'Tasks.update 2': KIND, 'Tasks.metrics 1': KIND },
  'Tasks.kill 4': "a real containerd's shim asks a runtime, we the kernel",
  'Diff.diff 2': 'a real containerd mounts both sides, we read directories',
};
