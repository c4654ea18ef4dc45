import type { PathStatus } from '../../../../image/copy/contract.ts';
import type { Timestamp } from '../../../../native/sys/files.ts';

/** Go's os.FileMode, which is not the kernel's: types and special bits are counted from the top. Source: Go's io/fs. */
const S_IFMT = 0o170000;
const GO_TYPES = new Map([
  [0o040000, 0x8000_0000],
  [0o120000, 0x0800_0000],
  [0o060000, 0x0400_0000],
  [0o020000, 0x0400_0000 + 0x0020_0000],
  [0o010000, 0x0200_0000],
  [0o140000, 0x0100_0000],
]);
const GO_SPECIAL = [
  [0o4000, 0x0080_0000],
  [0o2000, 0x0040_0000],
  [0o1000, 0x0010_0000],
] as const;

export function goFileMode(mode: number): number {
  const special = GO_SPECIAL.reduce((sum, [bit, go]) => sum + ((mode & bit) === 0 ? 0 : go), 0);
  return (mode & 0o777) + special + (GO_TYPES.get(mode & S_IFMT) ?? 0);
}

/** The value of the header X-Docker-Container-Path-Stat. */
export function pathStatusHeader({ name, sizeBytes, mode, mtime, linkTarget }: PathStatus): string {
  const wire = { name, size: sizeBytes, mode: goFileMode(mode), mtime: goTime(mtime), linkTarget };
  return Buffer.from(JSON.stringify(wire)).toString('base64');
}

/** RFC 3339 without zeros at the end of the fraction. */
function goTime({ seconds, nanoseconds }: Timestamp): string {
  const whole = new Date(seconds * 1000).toISOString().slice(0, 19);
  const fraction = nanoseconds === 0 ? '' : `.${String(nanoseconds).padStart(9, '0').replace(/0+$/, '')}`;
  return `${whole}${fraction}Z`;
}
