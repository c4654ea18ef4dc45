const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const two = (value: number): string => String(value).padStart(2, '0');
const dateOf = (timeNs: bigint): Date => new Date(Number(timeNs / 1_000_000n));
const clock = (date: Date): string =>
  `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;

/** RFC 3164 section 4.1.2, in the host's time zone: `Jan  2 15:04:05`. */
export function stampTime(timeNs: bigint): string {
  const date = dateOf(timeNs);
  return `${MONTHS[date.getMonth()]} ${String(date.getDate()).padStart(2)} ${clock(date)}`;
}

/** RFC 3339 in the host's time zone with so many digits below the second. */
export function localTime(timeNs: bigint, digits: number): string {
  const date = dateOf(timeNs);
  const fraction =
    digits === 0
      ? ''
      : `.${String(timeNs % 1_000_000_000n)
          .padStart(9, '0')
          .slice(0, digits)}`;
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day}T${clock(date)}${fraction}${zoneOf(-date.getTimezoneOffset())}`;
}

function zoneOf(minutes: number): string {
  if (minutes === 0) return 'Z';
  const size = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}
