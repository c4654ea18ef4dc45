import { findProgram } from './requires.ts';
import type { Place } from './place.ts';

/**
 * Debian's dockerd in a place of ours: the benchmark measures it, and with WHERRY_TEST_PEER=1 the stories run against it,
 * which shows whether they expect what docker does. It mounts on the host, so it gets a mount namespace too.
 */
export function peerCommand(place: Place): string[] {
  return [
    ...['unshare', '--mount', '--propagation', 'private', '--'],
    ...[findProgram('dockerd') ?? 'dockerd', '--data-root', place.dataRoot, '--exec-root', place.execRoot],
    ...['-H', `unix://${place.socket}`, '--pidfile', `${place.directory}/pid`],
    ...['--cgroup-parent', place.cgroupParent, '--storage-driver', 'overlay2'],
  ];
}
