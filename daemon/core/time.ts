/**
 * Nanoseconds since the epoch. Node's wall clock counts milliseconds; the digits below come from the monotonic clock and tell
 * moments apart, no more.
 */
export const realTimeNs = (): bigint =>
  BigInt(Date.now()) * 1_000_000n + (process.hrtime.bigint() % 1_000_000n);

/** RFC 3339 in UTC with as many digits as are not zero, as Go's time.RFC3339Nano: `2026-01-02T03:04:05.6Z`. */
export function formatTime(timeNs: bigint): string {
  const fraction = fractionOf(timeNs).replace(/0+$/, '');
  return `${secondsOf(timeNs)}${fraction === '' ? '' : `.${fraction}`}Z`;
}

/** The same with all nine digits: what `logs --timestamps` prints. */
export const formatTimeFixed = (timeNs: bigint): string => `${secondsOf(timeNs)}.${fractionOf(timeNs)}Z`;

const secondsOf = (timeNs: bigint): string =>
  new Date(Number(timeNs / 1_000_000n)).toISOString().slice(0, 19);
const fractionOf = (timeNs: bigint): string => String(timeNs % 1_000_000_000n).padStart(9, '0');

/** Reads RFC 3339 with any number of digits, `Z` or an offset; undefined for anything else. */
export function parseTime(text: string): bigint | undefined {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?(Z|[+-]\d\d:\d\d)$/.exec(text);
  if (match === null) return undefined;
  const [, seconds = '', fraction = '', zone = ''] = match;
  const ms = Date.parse(`${seconds}${zone}`);
  if (Number.isNaN(ms)) return undefined;
  return BigInt(ms) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
}

/** setTimeout's longest. */
const LONGEST_MS = 0x7fff_ffff;

/** How long to wait for this moment, for setTimeout: never negative, 24 days at most. */
export function millisecondsTo(timeNs: bigint): number {
  const ms = Number((timeNs - realTimeNs()) / 1_000_000n);
  return Math.min(Math.max(ms, 0), LONGEST_MS);
}
