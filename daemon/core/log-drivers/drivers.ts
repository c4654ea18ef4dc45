import { invalidArgument } from '../../../common/errors.ts';
import type { HostOptions } from '../contract.ts';
import { hasJournal } from './journald.ts';
import { checkSyslogOptions, checkSyslogSocket } from './syslog-options.ts';

/** What `--log-driver` and `--log-opt` asked for. */
export type LogChoice = Pick<HostOptions, 'logDriver' | 'logOptions'>;
type Options = HostOptions['logOptions'];

const ATTRIBUTES = ['labels', 'labels-regex', 'env', 'env-regex', 'tag'];
const FILE = ['max-size', 'max-file', 'compress', ...ATTRIBUTES];
const CACHE_PREFIX = 'cache-';
/** Of every driver (moby daemon/logger/factory.go and loggerutils/cache): how lines are taken, and the copy that `logs` reads. */
const COMMON = ['mode', 'max-buffer-size', 'cache-disabled', ...FILE.map((name) => CACHE_PREFIX + name)];

interface Driver {
  /** Delivers the lines of the log file elsewhere; the file is a copy for `logs` then. */
  readonly forwards: boolean;
  readonly options: readonly string[];
  readonly unknown: (option: string) => string;
  readonly check?: (options: Options) => void;
}

const unknownOf = (driver: string) => (option: string) =>
  `unknown log opt '${option}' for ${driver} log driver`;

const DRIVERS = new Map<string, Driver>([
  ['journald', { forwards: true, options: ATTRIBUTES, unknown: unknownOf('journald') }],
  ['json-file', { forwards: false, options: FILE, unknown: unknownOf('json-file') }],
  [
    'local',
    {
      forwards: false,
      options: FILE,
      unknown: (option) => `unknown log opt '${option}' for log driver local`,
    },
  ],
  [
    'syslog',
    {
      forwards: true,
      options: [
        ...['syslog-address', 'syslog-facility', 'syslog-format'],
        ...['syslog-tls-ca-cert', 'syslog-tls-cert', 'syslog-tls-key', 'syslog-tls-skip-verify'],
        ...ATTRIBUTES,
      ],
      unknown: unknownOf('syslog'),
      check: checkSyslogOptions,
    },
  ],
]);

/** As `docker info` lists them, which leaves `none` out. */
export const LOG_DRIVERS: readonly string[] = [...DRIVERS.keys()];

/** Whether somebody else than `docker logs` gets the lines. */
export const forwards = (driver: string): boolean => DRIVERS.get(driver)?.forwards === true;

/** Throws `invalid-argument` in docker's words for a driver or an option that there is not. */
export function checkLogDriver({ logDriver, logOptions }: LogChoice): void {
  if (logDriver === 'none') return;
  checkMode(logOptions);
  const driver = DRIVERS.get(logDriver);
  if (driver === undefined) throw invalidArgument(`logger: no log driver named '${logDriver}' is registered`);
  const disabled = logOptions['cache-disabled'];
  if (disabled !== undefined && disabled !== '' && parseBool(disabled) === undefined)
    throw invalidArgument(`invalid value for option cache-disabled: ${disabled}`);
  const known = [...driver.options, ...COMMON];
  const unknown = Object.keys(logOptions).find((name) => !known.includes(name));
  if (unknown !== undefined) throw invalidArgument(driver.unknown(unknown));
  driver.check?.(logOptions);
}

/** What of a driver has to be there when a container is created. Throws `invalid-argument`. */
export async function checkLogTarget({ logDriver, logOptions }: LogChoice): Promise<void> {
  if (logDriver === 'syslog') await checkSyslogSocket(logOptions);
  if (logDriver === 'journald' && !(await hasJournal()))
    throw invalidArgument('journald is not enabled on this host');
}

/**
 * A container never waits for its log's reader here, whatever the mode: the shim writes the file, and who delivers its lines
 * reads it in his own time. So nothing needs a buffer, and non-blocking drops nothing either.
 */
function checkMode(options: Options): void {
  const { mode = '', 'max-buffer-size': buffer } = options;
  if (!['', 'blocking', 'non-blocking'].includes(mode))
    throw invalidArgument(`logger: logging mode not supported: ${mode}`);
  if (buffer === undefined) return;
  if (mode !== 'non-blocking')
    throw invalidArgument("logger: max-buffer-size option is only supported with 'mode=non-blocking'");
  if (!/^\d+(\.\d+)? ?([kmgtp]i?)?b?$/i.test(buffer))
    throw invalidArgument(`error parsing option max-buffer-size: invalid size: '${buffer}'`);
}

/** Those of the file: of the driver itself, or of the copy beside one that delivers elsewhere. */
export function fileOptionsOf({ logDriver, logOptions }: LogChoice): Options {
  if (!forwards(logDriver)) return logOptions;
  return Object.fromEntries(
    Object.entries(logOptions)
      .filter(([name]) => name.startsWith(CACHE_PREFIX))
      .map(([name, value]) => [name.slice(CACHE_PREFIX.length), value]),
  );
}

/** Docker's `logs` refuses what has no file that it reads. */
export const isReadable = ({ logDriver, logOptions }: LogChoice): boolean =>
  logDriver !== 'none' && !(forwards(logDriver) && parseBool(logOptions['cache-disabled'] ?? '') === true);

/** As Go's strconv.ParseBool; undefined for what it refuses. */
export function parseBool(text: string): boolean | undefined {
  if (['1', 't', 'T', 'TRUE', 'true', 'True'].includes(text)) return true;
  if (['0', 'f', 'F', 'FALSE', 'false', 'False'].includes(text)) return false;
  return undefined;
}
