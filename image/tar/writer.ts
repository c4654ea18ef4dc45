import { internal } from '../../common/errors.ts';
import type { Timestamp } from '../../native/sys/files.ts';
import type { EntryType, TarEntry } from './entry.ts';
import { BLOCK_BYTES } from './header.ts';

/** What an archive states about a member. Access times are not written: they change by reading. */
export type WrittenEntry = Pick<TarEntry, 'type' | 'name' | 'mode' | 'uid' | 'gid' | 'mtime'> &
  Partial<Pick<TarEntry, 'linkName' | 'size' | 'deviceMajor' | 'deviceMinor' | 'xattrs'>>;

const FLAGS: Readonly<Record<EntryType, string>> = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  'character-device': '3',
  'block-device': '4',
  directory: '5',
  fifo: '6',
};

const NAME_BYTES = 100;
const MAX_ID = 0o7777777;
const MAX_NUMBER = 0o77777777777;
const BEYOND_ASCII = /[^\0-\x7f]/;

/** Two blocks of zeros: what an archive ends with. */
export const TAR_END: Uint8Array = new Uint8Array(2 * BLOCK_BYTES);

/** What follows a member's data up to the next block. */
export const tarPadding = (sizeBytes: number): Uint8Array =>
  new Uint8Array((BLOCK_BYTES - (sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES);

/**
 * The header of one member: a ustar block, after a pax extended header where that can't say it all (long names or such beyond
 * ASCII, large sizes and ids, times that are no whole seconds, extended attributes). `size` bytes of data follow, then
 * `tarPadding`. A directory's name gets a slash. Equal entries give equal bytes. An attribute whose name holds `=` is left out:
 * pax has no way to write it. Source: POSIX.1-2017 pax; Go's archive/tar for `SCHILY.xattr.`.
 */
export function tarHeader(entry: WrittenEntry): Uint8Array {
  const name = entry.type === 'directory' && !entry.name.endsWith('/') ? `${entry.name}/` : entry.name;
  const plain = { ...entry, name };
  const records = paxRecords(plain);
  if (records.length === 0) return block(plain, FLAGS[entry.type]);
  const data = Buffer.from(records.join(''), 'latin1');
  const shown = `PaxHeaders/${name.replace(/\/$/, '').split('/').at(-1) ?? ''}`;
  const extended = { type: 'file', name: shown, mode: 0o644, uid: 0, gid: 0, mtime: EPOCH } as const;
  return Buffer.concat([
    block({ ...extended, size: data.byteLength }, 'x'),
    data,
    tarPadding(data.byteLength),
    block(plain, FLAGS[entry.type]),
  ]);
}

const EPOCH: Timestamp = { seconds: 0, nanoseconds: 0 };

function paxRecords({ name, linkName = '', uid, gid, size = 0, mtime, xattrs }: WrittenEntry): string[] {
  const attributes = [...(xattrs ?? [])].filter(([key]) => !/[=\0]/.test(key));
  return [
    ...(isPlainName(name) ? [] : [record('path', name)]),
    ...(isPlainName(linkName) ? [] : [record('linkpath', linkName)]),
    ...(uid <= MAX_ID ? [] : [record('uid', String(uid))]),
    ...(gid <= MAX_ID ? [] : [record('gid', String(gid))]),
    ...(size <= MAX_NUMBER ? [] : [record('size', String(size))]),
    ...(isPlainTime(mtime) ? [] : [record('mtime', paxTime(mtime))]),
    ...attributes
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => record(`SCHILY.xattr.${key}`, value)),
  ];
}

const isPlainName = (name: string): boolean => name.length <= NAME_BYTES && !BEYOND_ASCII.test(name);

const isPlainTime = ({ seconds, nanoseconds }: Timestamp): boolean =>
  nanoseconds === 0 && seconds >= 0 && seconds <= MAX_NUMBER;

/** The length counts itself. */
function record(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length += 1;
  return `${length}${rest}`;
}

/** The inverse of `parsePaxTime`: a time before 1970 counts backwards. */
function paxTime({ seconds, nanoseconds }: Timestamp): string {
  const negative = seconds < 0;
  const whole = negative && nanoseconds > 0 ? seconds + 1 : seconds;
  const fraction = negative && nanoseconds > 0 ? 1_000_000_000 - nanoseconds : nanoseconds;
  const digits = String(fraction).padStart(9, '0').replace(/0+$/, '');
  return `${negative ? '-' : ''}${Math.abs(whole)}${digits === '' ? '' : `.${digits}`}`;
}

/** What does not fit is cut or 0 here; then a pax record says it. */
function block(entry: WrittenEntry, flag: string): Uint8Array {
  const { name, linkName = '', mode, uid, gid, size = 0, mtime } = entry;
  const bytes = Buffer.alloc(BLOCK_BYTES);
  bytes.write(name.slice(0, NAME_BYTES), 0, 'latin1');
  octal(bytes, [100, 8], mode & 0o7777);
  octal(bytes, [108, 8], uid <= MAX_ID ? uid : 0);
  octal(bytes, [116, 8], gid <= MAX_ID ? gid : 0);
  octal(bytes, [124, 12], size <= MAX_NUMBER ? size : 0);
  octal(bytes, [136, 12], mtime.seconds >= 0 && mtime.seconds <= MAX_NUMBER ? mtime.seconds : 0);
  bytes.write(flag, 156, 'latin1');
  bytes.write(linkName.slice(0, NAME_BYTES), 157, 'latin1');
  bytes.write('ustar', 257, 'latin1');
  bytes.write('00', 263, 'latin1');
  octal(bytes, [329, 8], entry.deviceMajor ?? 0);
  octal(bytes, [337, 8], entry.deviceMinor ?? 0);
  checksum(bytes);
  return bytes;
}

function octal(bytes: Buffer, [offset, length]: readonly [number, number], value: number): void {
  const digits = value.toString(8);
  if (value < 0 || digits.length >= length) throw internal(`Cannot write ${value} into a tar header`);
  bytes.write(digits.padStart(length - 1, '0'), offset, 'latin1');
}

/** Six digits, a NUL and a space; summed with eight spaces in its place. */
function checksum(bytes: Buffer): void {
  bytes.fill(' ', 148, 156);
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
}
