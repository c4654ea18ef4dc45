import type { Row } from '../format/listing.ts';
import { humanSize } from '../format/units.ts';

/** An element of `GET /volumes`, and of `GET /system/df` with its usage. */
export interface VolumeSummary {
  readonly Name: string;
  readonly Driver: string;
  readonly Mountpoint: string;
  readonly Scope: string;
  readonly Labels: Readonly<Record<string, string>> | null;
  readonly UsageData?: { readonly RefCount: number; readonly Size: number };
}

export const VOLUME_HEADERS: Row = {
  Availability: 'AVAILABILITY',
  Driver: 'DRIVER',
  Group: 'GROUP',
  Labels: 'LABELS',
  Links: 'LINKS',
  Mountpoint: 'MOUNTPOINT',
  Name: 'VOLUME NAME',
  Scope: 'SCOPE',
  Size: 'SIZE',
  Status: 'STATUS',
};

/** Docker's fields of a volume; what only a cluster's have is `N/A`. */
export const volumeRow = ({ Name, Driver, Mountpoint, Scope, Labels, UsageData }: VolumeSummary): Row => ({
  Availability: 'N/A',
  Driver,
  Group: 'N/A',
  Labels: Object.entries(Labels ?? {})
    .map(([name, value]) => `${name}=${value}`)
    .toSorted()
    .join(','),
  Label: (name: unknown) => Labels?.[String(name)] ?? '',
  Links: UsageData === undefined ? 'N/A' : String(UsageData.RefCount),
  Mountpoint,
  Name,
  Scope,
  Size: sizeOf(UsageData?.Size),
  Status: 'N/A',
});

/** Docker's word for what nobody measured. */
function sizeOf(bytes: number | undefined): string {
  if (bytes === undefined) return 'N/A';
  return bytes < 0 ? '-1B' : humanSize(bytes, 4);
}
