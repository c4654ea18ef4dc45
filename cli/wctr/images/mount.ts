import { readFileSync } from 'node:fs';
import { bool, list, text } from '../../../common/flags/flag.ts';
import { detachMount } from '../../../native/sys/mounts.ts';
import { print } from '../../output.ts';
import { isNotFound } from '../../containerd/errors.ts';
import { defineCommand } from '../command.ts';
import { snapshotterFlag, snapshotterOf } from '../global-flags.ts';
import { rootLabel } from '../labels.ts';
import { mountAll } from '../snapshots/mount-all.ts';
import { fromWire, hostPlatform, partsFor, readPlatform } from './documents.ts';
import { registryFlags } from './registry.ts';
import { unpack } from './unpack.ts';
import { Images } from '../../../daemon/api/containerd/gen/containerd/services/images/v1/images_pb.ts';
import { Snapshots } from '../../../daemon/api/containerd/gen/containerd/services/snapshots/v1/snapshots_pb.ts';

export const mount = defineCommand({
  usage: '[flags] <ref> <target>',
  flags: {
    ...registryFlags,
    ...snapshotterFlag,
    rw: bool('Enable write support on the mount'),
    platform: text('Mount the image for the specified platform'),
    label: list('labels of the snapshot'),
  },
  run: async ({ containerd, flags, args: [ref, target] }) => {
    if (ref === undefined) throw new Error('please provide an image reference to mount');
    if (target === undefined) throw new Error('please provide a target path to mount to');
    const snapshotter = snapshotterOf(flags.snapshotter);
    const { image } = await containerd.service(Images).get({ name: ref });
    const platform = flags.platform === '' ? hostPlatform() : readPlatform(flags.platform);
    const parent = await unpack(
      containerd,
      await partsFor(containerd, fromWire(image?.target), platform),
      snapshotter,
    );
    const labels = rootLabel();
    const snapshots = containerd.service(Snapshots);
    const request = { snapshotter, key: target, parent, labels };
    const { mounts } = flags.rw ? await snapshots.prepare(request) : await snapshots.view(request);
    try {
      mountAll(mounts, target);
    } catch (error) {
      await snapshots.remove({ snapshotter, key: target });
      throw error;
    }
    print(`${parent}\n${target}\n`);
    return 0;
  },
});

export const unmount = defineCommand({
  usage: '[flags] <target>',
  flags: {
    ...registryFlags,
    ...snapshotterFlag,
    label: list('labels to attach to the image'),
    rm: bool('remove the snapshot after a successful unmount'),
  },
  run: async ({ containerd, flags, args: [target] }) => {
    if (target === undefined) throw new Error('please provide a target path to unmount from');
    if (isMountpoint(target)) detachMount(target);
    if (flags.rm) {
      const snapshotter = snapshotterOf(flags.snapshotter);
      await containerd
        .service(Snapshots)
        .remove({ snapshotter, key: target })
        .catch((error: unknown) => {
          if (!isNotFound(error)) throw error;
        });
    }
    print(`${target}\n`);
    return 0;
  },
});

/** As proc(5) has it: the fifth word of a line, blanks in octal. */
const isMountpoint = (path: string): boolean =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .some((line) => line.split(' ')[4]?.replaceAll(String.raw`\040`, ' ') === path);
