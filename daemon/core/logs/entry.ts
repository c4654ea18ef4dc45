import type { LogChunk } from '../contract.ts';
import { parseTime } from '../time.ts';

/** A line of a json-file log. */
export interface Entry {
  readonly log: string;
  readonly stream: LogChunk['stream'];
  readonly timeNs: bigint;
  readonly attrs: Readonly<Record<string, string>>;
}

/** Undefined for a damaged line: a log is no reason to fail, and the lines after it are good. */
export function parseEntry(text: string): Entry | undefined {
  let value: Partial<Record<'log' | 'stream' | 'time', unknown>> & {
    attrs?: Readonly<Record<string, string>>;
  };
  try {
    value = JSON.parse(text) as typeof value;
  } catch {
    return undefined;
  }
  const timeNs = typeof value.time === 'string' ? parseTime(value.time) : undefined;
  if (timeNs === undefined || typeof value.log !== 'string') return undefined;
  return {
    log: value.log,
    stream: value.stream === 'stderr' ? 'stderr' : 'stdout',
    timeNs,
    attrs: value.attrs ?? {},
  };
}
