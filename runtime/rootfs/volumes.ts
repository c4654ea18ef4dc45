import type { PlanBuilder } from '../plan/builder.ts';
import { mountOverlay } from './overlay.ts';

/** What is mounted on a directory of the host, in the container's mount namespace alone, before anything is bound from there. */
export interface HostSideMount {
  /** An existing directory. */
  readonly at: string;
  readonly what:
    | {
        readonly kind: 'file-system';
        readonly type: string;
        readonly device: string;
        /** MS_*. */
        readonly flags: number;
        readonly data: string;
      }
    /** Read-only, topmost first. */
    | { readonly kind: 'layers'; readonly layers: readonly string[] };
}

/** The mounts of volumes and images: nothing of them is the host's, so nothing is left of them either. Fails with docker's texts. */
export function mountHostSide(plan: PlanBuilder, mounts: readonly HostSideMount[]): void {
  for (const { at, what } of mounts) {
    if (what.kind === 'layers') {
      // An overlay without an upper directory has two layers at least: what it is mounted on is empty.
      plan.close(mountOverlay(plan, { lower: [...what.layers, at], volatile: false }, at));
      continue;
    }
    const { type, device, flags, data } = what;
    const shown = data === '' ? '' : `, data: ${data}`;
    const label =
      `error while mounting volume '${at}': failed to mount local volume: ` +
      `mount ${device}:${at}, flags: 0x${flags.toString(16)}${shown}`;
    plan.call(label, 'mount', [device, at, type, flags, data]);
  }
}
