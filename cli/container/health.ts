import { invalidArgument } from '../../common/errors.ts';
import { bool, int, text, value, type Values } from '../../common/flags/flag.ts';
import { parseDuration } from '../../common/go-duration.ts';

const duration = (help: string) =>
  value<number>({ type: 'duration', help, initial: 0, shown: '0s', read: (given) => parseDuration(given) });

/** Flags of healthchecks; the last four are ours. */
export const healthFlags = {
  'health-cmd': text('Command that checks health'),
  'health-interval': duration('Time between checks (ms|s|m|h)'),
  'health-retries': int('Failures in a row that are unhealthy'),
  'health-start-interval': duration('Time between checks in the start period (ms|s|m|h)'),
  'health-start-period': duration('Time to start in, before failures count (ms|s|m|h)'),
  'health-timeout': duration('Longest time that a check may take (ms|s|m|h)'),
  'no-healthcheck': bool("Turn the image's healthcheck off"),
  'health-http': text('Check health by a request from inside the container (http://:PORT/PATH)'),
  'health-tcp': text('Check health by a connection from inside the container (:PORT)'),
  'health-grpc': text('Check health by gRPC from inside the container (:PORT[/SERVICE])'),
  'on-unhealthy': text('What is done when it is unhealthy: restart or kill, as in restart:max=3,window=10m'),
};

type Flags = Values<typeof healthFlags>;

/** Stands for `--on-unhealthy`: the daemon knows the action by this label. */
const ACTION_LABEL = 'wherry.on-unhealthy';

/** Docker's Healthcheck of the request; undefined when no flag asks for one. Throws `invalid-argument` in docker's words. */
export function readHealthcheck(flags: Flags): Record<string, unknown> | undefined {
  const tests = [
    ...(flags['health-cmd'] === '' ? [] : [['CMD-SHELL', flags['health-cmd']]]),
    ...(flags['health-http'] === '' ? [] : [['HTTP', flags['health-http']]]),
    ...(flags['health-tcp'] === '' ? [] : [['TCP', flags['health-tcp']]]),
    ...(flags['health-grpc'] === '' ? [] : [['GRPC', flags['health-grpc']]]),
  ];
  const retries = flags['health-retries'] ?? 0;
  const times = {
    Interval: flags['health-interval'],
    Timeout: flags['health-timeout'],
    StartPeriod: flags['health-start-period'],
    StartInterval: flags['health-start-interval'],
  };
  const isSet = tests.length > 0 || retries !== 0 || Object.values(times).some((ns) => ns !== 0);
  if (flags['no-healthcheck']) {
    if (isSet) throw invalidArgument('--no-healthcheck conflicts with --health-* options');
    return { Test: ['NONE'] };
  }
  if (!isSet) return undefined;
  if (tests.length > 1)
    throw invalidArgument('--health-cmd, --health-http, --health-tcp and --health-grpc exclude each other');
  if (times.Interval < 0) throw invalidArgument('--health-interval cannot be negative');
  if (times.Timeout < 0) throw invalidArgument('--health-timeout cannot be negative');
  if (retries < 0) throw invalidArgument('--health-retries cannot be negative');
  if (times.StartPeriod < 0) throw invalidArgument('--health-start-period cannot be negative');
  if (times.StartInterval < 0) throw invalidArgument('--health-start-interval cannot be negative');
  return { ...(tests[0] === undefined ? {} : { Test: tests[0] }), ...times, Retries: retries };
}

/** The label of `--on-unhealthy`. */
export const actionLabels = (flags: Flags): Record<string, string> =>
  flags['on-unhealthy'] === '' ? {} : { [ACTION_LABEL]: flags['on-unhealthy'] };
