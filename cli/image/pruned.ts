import { humanSize } from '../format/units.ts';

/** What the daemon's prunes answer, as far as it is printed. */
export interface Pruned {
  readonly ImagesDeleted?: readonly { readonly Untagged?: string; readonly Deleted?: string }[] | null;
  readonly ContainersDeleted?: readonly string[] | null;
  readonly NetworksDeleted?: readonly string[] | null;
  readonly VolumesDeleted?: readonly string[] | null;
  readonly SpaceReclaimed?: number;
}

/** Docker's paragraph for each kind of thing that was removed. */
export function describePruned(pruned: Pruned): string {
  const { ImagesDeleted, ContainersDeleted, NetworksDeleted, VolumesDeleted } = pruned;
  const images = (ImagesDeleted ?? []).map(({ Untagged, Deleted }) =>
    Untagged === undefined ? `deleted: ${Deleted}` : `untagged: ${Untagged}`,
  );
  return [
    paragraph('Deleted Containers:', ContainersDeleted ?? []),
    paragraph('Deleted Networks:', NetworksDeleted ?? []),
    paragraph('Deleted Volumes:', VolumesDeleted ?? []),
    paragraph('Deleted Images:', images),
  ].join('');
}

const paragraph = (title: string, lines: readonly string[]): string =>
  lines.length === 0 ? '' : `${title}\n${lines.join('\n')}\n\n`;

export const totalLine = (bytes: number): string => `Total reclaimed space: ${humanSize(bytes, 4)}\n`;
