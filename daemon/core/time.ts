/** The wall clock in nanoseconds since the epoch: the process's start by the wall, then the monotonic clock. */
const startNs = BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();

/** Resynchronised when the wall clock was set: more than this apart. */
const TOLERANCE_NS = 50_000_000n;
let offsetNs = startNs;

/** Nanoseconds since the epoch, as fine as the monotonic clock is. */
export function realTimeNs(): bigint {
  const wall = BigInt(Date.now()) * 1_000_000n;
  const now = process.hrtime.bigint() + offsetNs;
  const drift = now - wall;
  if (drift < TOLERANCE_NS && drift > -TOLERANCE_NS) return now;
  offsetNs = wall - process.hrtime.bigint();
  return wall;
}

/** RFC 3339 in UTC with as many digits as are not zero, as Go's time.RFC3339Nano: `2026-01-02T03:04:05.6Z`. */
export function formatTime(timeNs: bigint): string {
  const fraction = fractionOf(timeNs).replace(/0+$/, '');
  return `${secondsOf(timeNs)}${fraction === '' ? '' : `.${fraction}`}Z`;
}

/** The same with all nine digits: what `logs --timestamps` prints. */
export const formatTimeFixed = (timeNs: bigint): string => `${secondsOf(timeNs)}.${fractionOf(timeNs)}Z`;

const secondsOf = (timeNs: bigint): string => new Date(Number(timeNs / 1_000_000n)).toISOString().slice(0, 19);
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
