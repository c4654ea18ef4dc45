const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1e3,
  m: 6e4,
  h: 36e5,
};

/** Go's durations: `5s`, `1m30s`, `100ms`. */
export function readDurationMs(given: string): number {
  const parts = [...given.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)];
  if (given === '' || parts.map(([part]) => part).join('') !== given)
    throw new Error(`time: invalid duration ${JSON.stringify(given)}`);
  return parts.reduce((sum, [, digits, unit = '']) => sum + Number(digits) * (UNIT_MS[unit] ?? 0), 0);
}
