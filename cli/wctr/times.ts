import type { Timestamp } from '@bufbuild/protobuf/wkt';

/** RFC 3339 without a fraction, in the host's zone: `2026-11-21T17:37:47Z`. */
export function seconds(time: Timestamp | undefined): string {
  return local(time).replace(/\.\d+/, '');
}

/** RFC 3339 with as many digits of nanoseconds as it needs, in UTC. The zero time is Go's. */
export function nanoseconds(time: Timestamp | undefined): string {
  if (time === undefined) return '0001-01-01T00:00:00Z';
  const whole = new Date(Number(time.seconds) * 1000).toISOString().slice(0, 19);
  const fraction = time.nanos === 0 ? '' : `.${String(time.nanos).padStart(9, '0').replace(/0+$/, '')}`;
  return `${whole}${fraction}Z`;
}

export const milliseconds = (time: Timestamp | undefined): number =>
  time === undefined ? 0 : Number(time.seconds) * 1000 + time.nanos / 1e6;

const MINUTE_MS = 60_000;

function local(time: Timestamp | undefined): string {
  const atMs = milliseconds(time);
  const offset = -new Date(atMs).getTimezoneOffset();
  if (offset === 0) return new Date(atMs).toISOString();
  const shifted = new Date(atMs + offset * MINUTE_MS).toISOString().slice(0, -1);
  const two = (value: number): string => String(Math.trunc(Math.abs(value))).padStart(2, '0');
  return `${shifted}${offset < 0 ? '-' : '+'}${two(offset / 60)}:${two(offset % 60)}`;
}

/** As Go prints a time in UTC: `2026-11-21 17:37:58.530074472 +0000 UTC`. */
export const goTime = (time: Timestamp | undefined): string =>
  `${nanoseconds(time).replace('T', ' ').replace('Z', '')} +0000 UTC`;
