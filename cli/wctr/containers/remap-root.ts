import { chmodSync, lchownSync, lstatSync, mkdtempSync, readdirSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Containerd } from '../../containerd/client.ts';
import { detachMount } from '../../../native/sys/mounts.ts';
import { hasSnapshot } from '../snapshots/has-snapshot.ts';
import { mountAll } from '../snapshots/mount-all.ts';
import { Snapshots } from '../../../daemon/api/containerd/gen/containerd/services/snapshots/v1/snapshots_pb.ts';

/** How far the numbers of owners are moved. */
export interface Shift {
  readonly uid: number;
  readonly gid: number;
}

/**
 * The name of a committed snapshot with the files of `parent`, whose owners are those that a user namespace has for them. Made at
 * its first use, under the name that containerd's clients look for.
 */
export async function remappedSnapshot(
  containerd: Containerd,
  { snapshotter, parent }: { readonly snapshotter: string; readonly parent: string },
  shift: Shift,
): Promise<string> {
  const name = `${parent}-${shift.uid}-${shift.gid}`;
  if (await hasSnapshot(containerd, snapshotter, name)) return name;
  const key = `${name}-remap`;
  const snapshots = containerd.service(Snapshots);
  const { mounts } = await snapshots.prepare({ snapshotter, key, parent });
  const target = mkdtempSync(join(tmpdir(), 'wctr-remap-'));
  try {
    mountAll(mounts, target);
    try {
      shiftOwners(target, shift);
    } finally {
      detachMount(target);
    }
    await snapshots.commit({ snapshotter, name, key });
  } catch (error) {
    await snapshots.remove({ snapshotter, key }).catch(() => undefined);
    throw error;
  } finally {
    rmdirSync(target);
  }
  return name;
}

/** Of a tree that nobody else changes. A change of the owner takes the bits away that lend his rights. */
function shiftOwners(path: string, shift: Shift): void {
  const found = lstatSync(path);
  lchownSync(path, found.uid + shift.uid, found.gid + shift.gid);
  if (!found.isSymbolicLink()) chmodSync(path, found.mode);
  if (found.isDirectory()) for (const name of readdirSync(path)) shiftOwners(join(path, name), shift);
}
