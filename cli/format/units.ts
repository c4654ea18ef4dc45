const DECIMAL = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'];
const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];

/** A size in powers of 1000 as docker prints it: `4.27MB`. Lists use three digits, most other places four. */
export const humanSize = (bytes: number, digits: 3 | 4 = 3): string =>
  scaled(bytes, { base: 1000, names: DECIMAL, digits });

/** A size in powers of 1024: `31.2GiB`. */
export const binarySize = (bytes: number): string => scaled(bytes, { base: 1024, names: BINARY, digits: 4 });

interface Scale {
  readonly base: number;
  readonly names: readonly string[];
  readonly digits: number;
}

function scaled(bytes: number, { base, names, digits }: Scale): string {
  let step = 0;
  let size = bytes;
  for (; size >= base && step < names.length - 1; step += 1) size /= base;
  return `${shortest(size, digits)}${names[step] ?? ''}`;
}

/** C's `%.*g`: so many digits, no trailing zeros, an exponent for what has more digits than that. */
function shortest(value: number, digits: number): string {
  const rounded = value.toPrecision(digits);
  if (!rounded.includes('e')) return rounded.includes('.') ? rounded.replace(/\.?0+$/, '') : rounded;
  const [mantissa = '', exponent = ''] = rounded.split('e');
  return `${mantissa.replace(/\.?0+$/, '')}e${exponent.replace(/^([+-])(\d)$/, '$10$2')}`;
}

const HOUR_S = 3600;

/** A duration as docker prints it: `About a minute`, `3 weeks`. */
export function humanDuration(seconds: number): string {
  const whole = Math.trunc(seconds);
  if (whole < 1) return 'Less than a second';
  if (whole === 1) return '1 second';
  if (whole < 60) return `${whole} seconds`;
  const minutes = Math.trunc(seconds / 60);
  if (minutes === 1) return 'About a minute';
  if (minutes < 60) return `${minutes} minutes`;
  return longDuration(seconds / HOUR_S);
}

function longDuration(exactHours: number): string {
  const hours = Math.trunc(exactHours + 0.5);
  if (hours === 1) return 'About an hour';
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.trunc(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.trunc(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.trunc(hours / 24 / 30)} months`;
  return `${Math.trunc(exactHours / 24 / 365)} years`;
}

/** How long ago a time in seconds since the epoch was. */
export const ago = (createdS: number, nowMs = Date.now()): string =>
  `${humanDuration(nowMs / 1000 - createdS)} ago`;

/** At most `length` characters, the last of them an ellipsis if some are missing. */
export function ellipsis(text: string, length: number): string {
  const characters = Array.from(text);
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join('')}…`;
}
