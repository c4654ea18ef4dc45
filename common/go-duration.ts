const UNITS_NS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};
const UNIT = 'ns|us|µs|μs|ms|s|m|h';
const AMOUNT = String.raw`\d+(?:\.\d*)?|\.\d+`;
const WHOLE = new RegExp(`^([+-]?)((?:(?:${AMOUNT})(?:${UNIT}))+|0)$`);
const PART = new RegExp(`(${AMOUNT})(${UNIT})`, 'g');

/** Nanoseconds of a duration as Go writes it: `1h30m`, `1.5s`, `0`. Throws in Go's words (time.ParseDuration). */
export function parseDuration(text: string): number {
  const whole = WHOLE.exec(text);
  if (whole === null) throw new Error(whatIsWrong(text));
  let total = 0;
  for (const [, amount = '', unit = ''] of (whole[2] ?? '').matchAll(PART)) {
    total += Number(amount) * (UNITS_NS[unit] ?? 0);
  }
  return Math.round(whole[1] === '-' ? -total : total);
}

function whatIsWrong(text: string): string {
  const quoted = JSON.stringify(text);
  const rest = text.replace(/^[+-]/, '').replace(new RegExp(`^(?:(?:${AMOUNT})(?:${UNIT})(?![a-zµμ]))+`), '');
  const unit = new RegExp(`^(?:${AMOUNT})([^\\d.]*)`).exec(rest)?.[1];
  if (unit === undefined) return `time: invalid duration ${quoted}`;
  return unit === ''
    ? `time: missing unit in duration ${quoted}`
    : `time: unknown unit ${JSON.stringify(unit)} in duration ${quoted}`;
}

/** A duration as Go prints it (time.Duration.String): `1m30s`, `1.5s`, `250ms`, `0s`. */
export function formatDuration(ns: number): string {
  if (ns < 0) return `-${formatDuration(-ns)}`;
  if (ns === 0) return '0s';
  if (ns < 1e3) return `${ns}ns`;
  if (ns < 1e6) return `${ns / 1e3}µs`;
  if (ns < 1e9) return `${ns / 1e6}ms`;
  const minutes = Math.floor(ns / 60e9);
  const seconds = `${(ns - minutes * 60e9) / 1e9}s`;
  if (minutes === 0) return seconds;
  const hours = Math.floor(minutes / 60);
  return hours === 0 ? `${minutes}m${seconds}` : `${hours}h${minutes % 60}m${seconds}`;
}
