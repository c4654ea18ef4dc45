const SUFFIX = '.gz';

/** Of a rotated file that was compressed: its name tells when its first line was written, so that it need not be opened for that. */
export const packedName = (log: string, birthNs: bigint): string => `${log}.at${birthNs}${SUFFIX}`;

/** The time in such a name; undefined for any other name. */
export function parsePackedName(log: string, name: string): bigint | undefined {
  if (!name.startsWith(`${log}.at`) || !name.endsWith(SUFFIX)) return undefined;
  const digits = name.slice(log.length + 3, -SUFFIX.length);
  return /^\d+$/.test(digits) ? BigInt(digits) : undefined;
}
