import winston from 'winston';
import type { Fields, Log } from './log.ts';

const LEVELS = { fatal: 0, error: 1, warn: 2, info: 3, debug: 4 } as const;

export interface LogOptions {
  readonly level: keyof typeof LEVELS;
  /** `text`: `2026-01-01T00:00:00.000Z info message name=value`; `json`: one object a line. */
  readonly format: 'text' | 'json';
  readonly stream: NodeJS.WritableStream;
}

/** The daemon's log: a line an entry on one stream. An error in a field shows with its causes, and its stack at level debug. */
export function winstonLog({
  level,
  format,
  stream,
}: LogOptions): Log & { setLevel(level: LogOptions['level']): void } {
  const shown = winston.format((entry) => {
    entry['fields'] = showFields(entry['fields'] as Fields, logger.level === 'debug');
    return entry;
  });
  const logger: winston.Logger = winston.createLogger({
    levels: LEVELS,
    level,
    format: winston.format.combine(
      winston.format.timestamp(),
      shown(),
      format === 'json' ? jsonLine : textLine,
    ),
    transports: [new winston.transports.Stream({ stream, eol: '\n' })],
  });
  return {
    ...logWith(logger, {}),
    setLevel: (next) => (logger.level = next),
  };
}

function logWith(logger: winston.Logger, common: Fields): Log {
  const at =
    (level: string) =>
    (message: string, fields: Fields = {}): void => {
      if (logger.isLevelEnabled(level)) logger.log({ level, message, fields: { ...common, ...fields } });
    };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    with: (fields) => logWith(logger, { ...common, ...fields }),
  };
}

const textLine = winston.format.printf(({ timestamp, level, message, fields }) =>
  [
    String(timestamp),
    level.padEnd(5),
    String(message),
    ...Object.entries(fields as Fields).map(([name, value]) => `${name}=${quoted(value)}`),
  ].join(' '),
);

const jsonLine = winston.format.printf(({ timestamp, level, message, fields }) =>
  JSON.stringify({ time: timestamp, level, msg: message, ...(fields as Fields) }),
);

function quoted(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
  return /^[\w.:/@+-]+$/.test(text) ? text : JSON.stringify(text);
}

function showFields(fields: Fields, stacks: boolean): Fields {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, show(value, stacks)]));
}

function show(value: unknown, stacks: boolean): unknown {
  if (typeof value === 'bigint') return value.toString();
  return value instanceof Error ? showError(value, stacks) : value;
}

function showError(error: Error, stacks: boolean): string {
  const text = stacks ? (error.stack ?? error.message) : error.message;
  const inner =
    error instanceof AggregateError ? error.errors : error.cause === undefined ? [] : [error.cause];
  return [
    text,
    ...inner.map((cause) => (cause instanceof Error ? showError(cause, stacks) : String(cause))),
  ].join('; caused by: ');
}
