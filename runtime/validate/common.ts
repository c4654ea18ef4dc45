import type { IdMapping } from '../spec.ts';
import { between, list, object, problem, uint32, type Check } from './check.ts';

/** The highest number is -1, which to the kernel means "leave it as it is": as root. */
export const id = between(0, 0xffff_fffe);

const mapping: Check<IdMapping> = object<IdMapping>(
  { containerID: id, hostID: id, size: uint32 },
  { zero: { containerID: 0, hostID: 0, size: 0 } },
);

/** UID_GID_MAP_MAX_EXTENTS of the kernel. */
const MAX_MAPPINGS = 340;

export const mappings: Check<IdMapping[]> = (value, at, to) => {
  // Counted first: of thousands nothing else is worth saying.
  if (Array.isArray(value) && value.length > MAX_MAPPINGS)
    return problem(to, at, `there are ${value.length} mappings, the kernel takes ${MAX_MAPPINGS}`);
  return list(mapping)(value, at, to);
};
