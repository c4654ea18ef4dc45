import { mount } from '../../../native/sys/mounts.ts';
import type { Mount } from '../../../daemon/api/containerd/gen/containerd/types/mount_pb.ts';

/** Of mount(2), for the options that snapshotters give; what is not here is the file system's own. */
const FLAGS: Readonly<Record<string, number>> = {
  ...{ ro: 1, nosuid: 2, nodev: 4, noexec: 8, sync: 16, remount: 32, noatime: 1024, nodiratime: 2048 },
  ...{ bind: 4096, rbind: 4096 | 16_384, rw: 0, defaults: 0, relatime: 1 << 21 },
};
const READ_ONLY = 1;
const REMOUNT = 32;
const BIND = 4096;

/** Mounts what a snapshotter said, one on the other, on the host. Needs root. */
export function mountAll(mounts: readonly Mount[], target: string): void {
  for (const { type, source, options } of mounts) {
    const known = options.filter((option) => Object.hasOwn(FLAGS, option));
    const flags = known.reduce((sum, option) => sum | (FLAGS[option] ?? 0), 0);
    const data = options.filter((option) => !Object.hasOwn(FLAGS, option)).join(',');
    mount({ source, target, type, flags, data });
    // A bind takes its own flags in a second step only.
    if ((flags & BIND) !== 0 && (flags & READ_ONLY) !== 0)
      mount({ source: '', target, type: '', flags: flags | REMOUNT, data: '' });
  }
}
