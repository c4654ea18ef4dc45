import type { Mount } from '../../../daemon/api/containerd/gen/containerd/types/mount_pb.ts';

/** What a person would type. */
export const mountCommand = ({ type, source, options }: Mount, target: string): string =>
  `mount -t ${type} ${source} ${target} -o ${options.join(',')}\n`;

/** As Go prints them. */
export const shownMounts = (mounts: readonly Mount[]): unknown =>
  mounts.map(({ type, source, options }) => ({ Type: type, Source: source, Options: options }));
