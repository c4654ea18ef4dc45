const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];

/** Powers of 1024 with one digit behind the point: `2.0 MiB`. */
export function binaryBytes(bytes: number): string {
  let size = bytes;
  let step = 0;
  for (; size >= 1024 && step < UNITS.length - 1; step += 1) size /= 1024;
  return `${size.toFixed(1)} ${UNITS[step] ?? ''}`;
}
