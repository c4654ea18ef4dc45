import { invalidArgument } from '../../../common/errors.ts';
import type { Filters } from './filters.ts';

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};
const DURATION = /(\d+(?:\.\d*)?)(ns|us|µs|ms|s|m|h)/g;

/** A time as docker's filters take it, in milliseconds: a while ago (`24h`), seconds since the epoch, or a date. */
export function untilMs(value: string, nowMs = Date.now()): number {
  if (/^(\d+(\.\d*)?(ns|us|µs|ms|s|m|h))+$/.test(value)) {
    const parts = [...value.matchAll(DURATION)];
    return (
      nowMs - parts.reduce((sum, [, number, unit = '']) => sum + Number(number) * (UNIT_MS[unit] ?? 0), 0)
    );
  }
  const time = /^\d+(\.\d+)?$/.test(value) ? Number(value) * 1000 : Date.parse(value);
  if (Number.isNaN(time)) throw invalidArgument(`invalid filter 'until=${value}'`);
  return time;
}

/** The time of a prune's only `until`; undefined without one. */
export function pruneUntil(filters: Filters): Date | undefined {
  const [value, ...more] = filters.values('until');
  if (more.length > 0) throw invalidArgument('more than one until filter specified');
  return value === undefined ? undefined : new Date(untilMs(value));
}
