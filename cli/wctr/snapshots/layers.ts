import type { Mount } from '../../../daemon/api/containerd/gen/containerd/types/mount_pb.ts';

/** Directories of a snapshot's only mount, topmost first: an overlay's, or a bind's source. Nothing for other file systems. */
export function layersOf(mounts: readonly Mount[]): readonly string[] {
  const [mount] = mounts;
  if (mount === undefined) return [];
  if (mount.type !== 'overlay') return mount.type === 'bind' ? [mount.source] : [];
  const option = (name: string): string[] =>
    mount.options.filter((each) => each.startsWith(`${name}=`)).map((each) => each.slice(name.length + 1));
  return [...option('upperdir'), ...option('lowerdir').flatMap((text) => text.split(':'))];
}
