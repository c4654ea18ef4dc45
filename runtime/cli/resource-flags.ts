import { value, type Flag, type Values } from '../../common/flags/flag.ts';
import type { Resources } from '../spec.ts';

/** Undefined, and an empty text, is what was not given: that stays as it is. */
const number = (name: string, help: string, read: (text: string) => number): Flag<number | undefined> =>
  value({
    type: 'value',
    help,
    initial: undefined,
    read: (given) => {
      if (given === '') return undefined;
      const found = read(given);
      if (Number.isSafeInteger(found)) return found;
      throw new Error(`invalid value for ${name}: ${JSON.stringify(given)}`);
    },
  });

const whole = (given: string): number => (/^[+-]?\d+$/.test(given) ? Number(given) : Number.NaN);
const natural = (given: string): number => (/^\d+$/.test(given) ? Number(given) : Number.NaN);

const UNITS = ['', 'k', 'm', 'g', 't', 'p'];

/** Bytes, with the units of the docker command line: `50M`, `1.5 GiB`; -1 is no limit. */
export function readBytes(given: string): number {
  if (given === '-1') return -1;
  const match = /^(\d+(?:\.\d+)?) ?([kmgtp]?)(?:i?b)?$/i.exec(given);
  if (match === null) return Number.NaN;
  const [, digits = '', unit = ''] = match;
  return Math.floor(Number(digits) * 1024 ** UNITS.indexOf(unit.toLowerCase()));
}

const string = (help: string): Flag<string | undefined> =>
  value({
    type: 'string',
    help,
    initial: undefined,
    read: (given) => (given === '' ? undefined : given),
  });

/** runc's flag per resource. */
export const resourceFlags = {
  'blkio-weight': number('blkio-weight', 'Relative weight of block I/O, 10 to 1000', natural),
  'cpu-period': number('cpu-period', 'Period of the CPU quota, in microseconds', natural),
  'cpu-quota': number('cpu-quota', 'CPU time in each period, in microseconds', whole),
  'cpu-burst': number('cpu-burst', 'CPU time that may be saved up for a burst, in microseconds', natural),
  'cpu-share': number('cpu-share', 'Relative weight of CPU time', natural),
  'cpu-rt-period': number('cpu-rt-period', 'Period of the real-time quota, in microseconds', natural),
  'cpu-rt-runtime': number('cpu-rt-runtime', 'Real-time CPU time in each period, in microseconds', whole),
  'cpu-idle': number('cpu-idle', '1 to run only when the CPUs are idle, else 0', whole),
  'cpuset-cpus': string('CPUs to use'),
  'cpuset-mems': string('Memory nodes to use'),
  memory: number('memory', 'Limit of memory, in bytes or with a unit', readBytes),
  'memory-reservation': number('memory-reservation', 'Soft limit of memory', readBytes),
  'memory-swap': number('memory-swap', 'Limit of memory and swap together; -1: no limit of swap', readBytes),
  'kernel-memory': hidden(number('kernel-memory', '', readBytes)),
  'kernel-memory-tcp': hidden(number('kernel-memory-tcp', '', readBytes)),
  'pids-limit': number('pids-limit', 'Most processes and threads; -1: no limit', whole),
};

function hidden<T>(flag: Flag<T>): Flag<T> {
  return { ...flag, hidden: true };
}

/** Only what was given. */
export function resourcesOf(flags: Values<typeof resourceFlags>): Resources {
  const memory = given({
    limit: flags.memory,
    reservation: flags['memory-reservation'],
    swap: flags['memory-swap'],
    kernel: flags['kernel-memory'],
    kernelTCP: flags['kernel-memory-tcp'],
  });
  const cpu = given({
    shares: flags['cpu-share'],
    quota: flags['cpu-quota'],
    burst: flags['cpu-burst'],
    period: flags['cpu-period'],
    realtimeRuntime: flags['cpu-rt-runtime'],
    realtimePeriod: flags['cpu-rt-period'],
    cpus: flags['cpuset-cpus'],
    mems: flags['cpuset-mems'],
    idle: flags['cpu-idle'],
  });
  return (
    given({
      memory,
      cpu,
      // 0 is runc's for none.
      blockIO: given({ weight: flags['blkio-weight'] === 0 ? undefined : flags['blkio-weight'] }),
      pids: given({ limit: flags['pids-limit'] }),
    }) ?? {}
  );
}

/** Undefined when nothing is there. */
function given<T extends object>(values: T): { [K in keyof T]?: NonNullable<T[K]> } | undefined {
  const entries = Object.entries(values).filter(([, each]) => each !== undefined);
  return entries.length === 0
    ? undefined
    : (Object.fromEntries(entries) as { [K in keyof T]?: NonNullable<T[K]> });
}
