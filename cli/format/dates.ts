const two = (value: number): string => String(value).padStart(2, '0');

/** A time in seconds since the epoch as Go prints one: `2026-11-21 05:38:50 +0000 UTC`, in the local zone. */
export function goTime(epochS: number): string {
  const date = new Date(epochS * 1000);
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return `${day} ${time} ${offset(date).replace(':', '')} ${zone(date)}`;
}

/** Nanoseconds since the epoch as RFC 3339 with all nine digits, in the local zone. */
export function rfc3339Nano(epochNs: bigint): string {
  const date = new Date(Number(epochNs / 1_000_000_000n) * 1000);
  const local = new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
  const nanos = String(epochNs % 1_000_000_000n).padStart(9, '0');
  return `${local}.${nanos}${date.getTimezoneOffset() === 0 ? 'Z' : offset(date)}`;
}

/** Seconds since the epoch as RFC 3339. */
export function rfc3339(epochS: number): string {
  return rfc3339Nano(BigInt(epochS) * 1_000_000_000n).replace(/\.\d+/, '');
}

function offset(date: Date): string {
  const minutes = -date.getTimezoneOffset();
  const size = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${two(Math.trunc(size / 60))}:${two(size % 60)}`;
}

/** Asking for the name of a zone loads tables; UTC needs none. */
function zone(date: Date): string {
  if (date.getTimezoneOffset() === 0) return 'UTC';
  const parts = new Intl.DateTimeFormat('en', { timeZoneName: 'short' }).formatToParts(date);
  return parts.find(({ type }) => type === 'timeZoneName')?.value ?? 'UTC';
}
