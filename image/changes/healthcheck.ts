import { invalidArgument, messageOf } from '../../common/errors.ts';
import { parseDuration } from '../../common/go-duration.ts';
import { jsonWords, splitLine, type Instruction } from './lines.ts';

const DURATIONS: Readonly<Record<string, string>> = {
  interval: 'Interval',
  timeout: 'Timeout',
  'start-period': 'StartPeriod',
  'start-interval': 'StartInterval',
};
const MIN_NS = 1e6;

/** Docker's Healthcheck, times in nanoseconds. Throws `invalid-argument`. */
export function healthcheckOf({ flags, rest }: Instruction): object {
  if (rest === '') throw invalidArgument('HEALTHCHECK requires at least one argument');
  const { name: type, rest: command } = splitLine(rest);
  switch (type.toUpperCase()) {
    case 'NONE':
      if (command !== '') throw invalidArgument('HEALTHCHECK NONE takes no arguments');
      return { Test: ['NONE'] };
    case 'CMD': {
      const words = jsonWords(command);
      if (command === '' || words?.length === 0) {
        throw invalidArgument('Missing command after HEALTHCHECK CMD');
      }
      const Test = words === undefined ? ['CMD-SHELL', command] : ['CMD', ...words];
      return { Test, ...Object.fromEntries(flags.map((flag) => settingOf(flag))) };
    }
  }
  throw invalidArgument(`Unknown type "${type}" in HEALTHCHECK (try CMD)`);
}

function settingOf(flag: string): [string, number] {
  const [, name = '', value = ''] = /^--([a-z-]+)(?:=(.*))?$/.exec(flag) ?? [];
  if (name === 'retries') {
    if (!/^-?\d+$/.test(value)) throw invalidArgument(`strconv.ParseInt: parsing "${value}": invalid syntax`);
    if (Number(value) < 0) throw invalidArgument(`--retries cannot be negative (${value})`);
    return ['Retries', Number(value)];
  }
  const key = Object.hasOwn(DURATIONS, name) ? DURATIONS[name] : undefined;
  if (key === undefined) throw invalidArgument(`Unknown flag: ${name}`);
  const ns = durationNs(value);
  if (ns < 0 || (ns !== 0 && ns < MIN_NS)) {
    throw invalidArgument(`Interval ${JSON.stringify(name)} cannot be less than 1ms`);
  }
  return [key, ns];
}

function durationNs(text: string): number {
  try {
    return parseDuration(text);
  } catch (error) {
    throw invalidArgument(messageOf(error), { cause: error });
  }
}
