import { invalidArgument } from '../../common/errors.ts';
import type { Timestamp } from '../../native/sys/files.ts';

/**
 * The records of a pax extended header: `"%d %s=%s\n"`, length first. Keys and values are byte strings (latin1), because the
 * values of extended attributes are binary. Throws `invalid-argument`. Source: POSIX.1-2017 pax, "pax Extended Header".
 */
export function parsePax(data: Uint8Array): Map<string, string> {
  const records = new Map<string, string>();
  /** Of a sparse file in GNU's format 0.0, the one that repeats keys: made to look like 0.1. */
  const segments: string[] = [];
  const text = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('latin1');
  for (let at = 0; at < text.length;) {
    const space = text.indexOf(' ', at);
    const digits = text.slice(at, Math.max(space, at));
    const end = at + Number(digits);
    if (!/^[0-9]{1,7}$/.test(digits) || end <= space || end > text.length || text[end - 1] !== '\n') {
      throw invalidArgument('invalid tar header: malformed pax record');
    }
    const record = text.slice(space + 1, end - 1);
    const equals = record.indexOf('=');
    if (equals < 1) throw invalidArgument('invalid tar header: pax record without a key');
    const [key, value] = [record.slice(0, equals), record.slice(equals + 1)];
    if (key === 'GNU.sparse.offset' || key === 'GNU.sparse.numbytes') segments.push(value);
    else records.set(key, value);
    at = end;
  }
  if (segments.length > 0) records.set('GNU.sparse.map', segments.join(','));
  return records;
}

/** `1700000000.123456789`, with any number of digits behind the point, perhaps negative. */
export function parsePaxTime(text: string): Timestamp {
  const match = /^(-?)(\d{1,15})(?:\.(\d*))?$/.exec(text);
  if (match === null) throw invalidArgument(`invalid tar header: "${text}" is no time`);
  const [, sign = '', whole = '', fraction = ''] = match;
  const nanoseconds = Number(fraction.padEnd(9, '0').slice(0, 9));
  const seconds = Number(whole);
  if (sign === '') return { seconds, nanoseconds };
  if (nanoseconds === 0) return { seconds: -seconds, nanoseconds: 0 };
  return { seconds: -seconds - 1, nanoseconds: 1_000_000_000 - nanoseconds };
}

export function parsePaxNumber(key: string, text: string): number {
  if (!/^\d{1,16}$/.test(text) || !Number.isSafeInteger(Number(text))) {
    throw invalidArgument(`invalid tar header: ${key} "${text}" is no number`);
  }
  return Number(text);
}
