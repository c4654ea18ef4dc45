import type { Volume, VolumeUsage } from '../../../core/volumes/contract.ts';

/** Docker's Volume, its fields in docker's order. */
export function showVolume(volume: Volume, usage?: VolumeUsage): object {
  const { name, driver, mountpoint, labels, options, createdAt, scope, status } = volume;
  return {
    CreatedAt: createdAt,
    Driver: driver,
    Labels: orNull(labels),
    Mountpoint: mountpoint,
    Name: name,
    Options: orNull(options),
    Scope: scope,
    ...(status === undefined ? {} : { Status: status }),
    ...(usage === undefined ? {} : { UsageData: { RefCount: usage.references, Size: usage.sizeBytes } }),
  };
}

/** Sorted by name, as Go's encoder has it. */
function orNull(map: Readonly<Record<string, string>>): object | null {
  const entries = Object.entries(map);
  return entries.length === 0 ? null : Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
