import { appendFileSync, closeSync, openSync } from 'node:fs';
import { invalidArgument } from '../../common/errors.ts';
import { printError } from './output.ts';

export interface Log {
  readonly warn: (message: string) => void;
  /** Why the command fails: always said on stderr too, since a log file may be read by nobody. */
  readonly error: (message: string) => void;
}

type Level = 'debug' | 'warning' | 'error';

/**
 * logrus's formats, which containerd and conmon parse: of a failed command containerd reads the last line of the JSON log
 * (`level`, `msg`).
 */
export function openLog(options: {
  readonly path: string;
  readonly format: string;
  readonly debug: boolean;
}): Log {
  const { path, format } = options;
  if (format !== 'text' && format !== 'json') throw invalidArgument(`invalid log-format: ${format}`);
  // Who asked for a log and gets none would not learn why something failed.
  if (path !== '') closeSync(openSync(path, 'a', 0o644));
  const line = format === 'json' ? jsonLine : textLine;
  const write = (level: Level, message: string): void => {
    const entry = line(level, message);
    if (path === '') printError(entry);
    else appendFileSync(path, entry, { mode: 0o644 });
  };
  return {
    warn: (message) => write('warning', message),
    error: (message) => {
      write('error', message);
      if (path !== '') printError(`${message}\n`);
    },
  };
}

/** Seconds, in RFC 3339. */
const time = (): string => new Date().toISOString().replace(/\.\d+Z$/, 'Z');

const jsonLine = (level: Level, msg: string): string => `${JSON.stringify({ level, msg, time: time() })}\n`;

const textLine = (level: Level, message: string): string =>
  `time="${time()}" level=${level} msg=${JSON.stringify(message)}\n`;
