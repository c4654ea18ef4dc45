import { invalidArgument } from './errors.ts';
import { parseDuration } from './go-duration.ts';

/** What differs from the defaults of a restart back-off (daemon/core/restarts/contract.ts says what each means). */
export interface BackoffChoice {
  readonly minMs?: number;
  readonly maxMs?: number;
  readonly multiplier?: number;
  readonly resetMs?: number;
  readonly jitter?: number;
}

const READERS: Readonly<Record<string, (text: string) => BackoffChoice>> = {
  min: (text) => ({ minMs: readDuration(text) }),
  max: (text) => ({ maxMs: readDuration(text) }),
  multiplier: (text) => ({ multiplier: readNumber(text) }),
  reset: (text) => ({ resetMs: readDuration(text) }),
  jitter: (text) => ({ jitter: readNumber(text) }),
};

/** Reads `min=1s,max=5m,multiplier=3,reset=1m,jitter=0.2`, each part optional. Throws `invalid-argument` that names the part. */
export function parseBackoff(text: string): BackoffChoice {
  const parts = text.split(',').map((part) => {
    const [name = '', value = ''] = part.split('=', 2);
    const read = READERS[name];
    const known = Object.keys(READERS).join(', ');
    if (read === undefined)
      throw invalidArgument(`invalid restart back-off "${text}": "${name}" is none of ${known}`);
    const choice = read(value);
    if (Object.values(choice).some(Number.isNaN))
      throw invalidArgument(`invalid restart back-off "${text}": "${part}" has no valid value`);
    return choice;
  });
  return parts.reduce<BackoffChoice>((all, part) => ({ ...all, ...part }), {});
}

const NS_PER_MS = 1e6;

/** Milliseconds; NaN for what is none. */
function readDuration(text: string): number {
  try {
    const ms = parseDuration(text) / NS_PER_MS;
    return ms < 0 ? Number.NaN : ms;
  } catch {
    return Number.NaN;
  }
}

const readNumber = (text: string): number => (/^\d+(?:\.\d+)?$/.test(text) ? Number(text) : Number.NaN);
