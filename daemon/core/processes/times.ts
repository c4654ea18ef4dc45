/** Times as ps writes them. */

const two = (value: number): string => String(Math.floor(value)).padStart(2, '0');
const DAY_S = 86_400;

/** `00:01:02`, `2-03:04:05`. */
export function clockTime(seconds: number): string {
  const days = Math.floor(seconds / DAY_S);
  const rest = seconds % DAY_S;
  const clock = `${two(rest / 3600)}:${two((rest % 3600) / 60)}:${two(rest % 60)}`;
  return days > 0 ? `${days}-${clock}` : clock;
}

/** BSD's `1:02`. */
export const shortTime = (seconds: number): string => `${Math.floor(seconds / 60)}:${two(seconds % 60)}`;

/** `01:02`, `03:04:05`, `2-03:04:05`. */
export function elapsedTime(seconds: number): string {
  const clock = clockTime(Math.max(0, seconds));
  return seconds < 3600 ? clock.slice('00:'.length) : clock;
}

/** `13:05` of today, `Mar07` of this year, else the year; the daemon's time zone. */
export function startTime(startedMs: number, nowMs: number): string {
  const [started, now] = [new Date(startedMs), new Date(nowMs)];
  if (started.getFullYear() !== now.getFullYear()) return String(started.getFullYear());
  if (started.toDateString() === now.toDateString())
    return `${two(started.getHours())}:${two(started.getMinutes())}`;
  return `${MONTHS[started.getMonth()] ?? ''}${two(started.getDate())}`;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
