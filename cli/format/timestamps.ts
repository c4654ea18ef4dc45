import { invalidArgument } from '../../common/errors.ts';

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/**
 * What `--since` and `--until` mean to the API, seconds since the epoch: a while ago (`42m`, `1h30m`), a number of seconds
 * (`1136073600.5`), or a date with or without time and zone (then the local one). Undefined for an empty text.
 */
export function timestampOf(text: string, nowMs = Date.now()): string | undefined {
  if (text === '') return undefined;
  const ago = durationMs(text);
  if (ago !== undefined) return String(Math.floor((nowMs - ago) / 1000));
  if (/^\d+(\.\d+)?$/.test(text)) return text;
  return dateToSeconds(text);
}

/** Go's durations; undefined if `text` is none. */
function durationMs(text: string): number | undefined {
  if (!/^[+-]?(\d+(\.\d*)?(ns|us|µs|ms|s|m|h))+$/.test(text)) return undefined;
  const parts = [...text.matchAll(/(\d+(?:\.\d*)?)(ns|us|µs|ms|s|m|h)/g)];
  const sum = parts.reduce(
    (total, [, number, unit = '']) => total + Number(number) * (UNIT_MS[unit] ?? 0),
    0,
  );
  return text.startsWith('-') ? -sum : sum;
}

function dateToSeconds(text: string): string {
  const [, day, time = '00:00:00', fraction = '', zone = ''] =
    /^(\d{4}-\d\d-\d\d)(?:T(\d\d(?::\d\d(?::\d\d)?)?)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:\d\d)?$/.exec(text) ?? [];
  const padded = `${time}:00:00`.slice(0, 8);
  const ms = Date.parse(`${day}T${padded}${zone}`);
  if (Number.isNaN(ms))
    throw invalidArgument(`failed to parse value as time or duration: ${JSON.stringify(text)}`);
  return `${Math.floor(ms / 1000)}.${fraction.padEnd(9, '0')}`;
}
