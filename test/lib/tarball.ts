/**
 * Writes tar archives byte by byte, also those that no program would write: what an attacker sends, binary attributes, names
 * that are no UTF-8. Strings are byte strings (latin1).
 */
export interface Member {
  readonly name: string;
  /** Type flag; `0` (file) unless given, `5` if the name ends in a slash. */
  readonly type?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtime?: number;
  readonly linkName?: string;
  readonly data?: string | Uint8Array;
  readonly major?: number;
  readonly minor?: number;
  readonly pax?: Readonly<Record<string, string>>;
  /** Stated instead of the data's length. */
  readonly size?: number;
}

export const tarball = (members: readonly Member[]): Buffer =>
  Buffer.concat([...members.flatMap((member) => blocks(member)), Buffer.alloc(1024)]);

function blocks(member: Member): Buffer[] {
  const data =
    typeof member.data === 'string' ? Buffer.from(member.data, 'latin1') : (member.data ?? Buffer.alloc(0));
  const { pax, ...plain } = member;
  const long = member.name.length > 100 ? { path: member.name } : {};
  const records = { ...long, ...pax };
  const extended = Object.entries(records).map(([key, value]) => record(key, value));
  const before = extended.length === 0 ? [] : blocks({ name: 'pax', type: 'x', data: extended.join('') });
  return [
    ...before,
    header(plain, data.byteLength),
    Buffer.from(data),
    Buffer.alloc((512 - (data.byteLength % 512)) % 512),
  ];
}

/** `"%d %s=%s\n"`: the length counts itself. */
function record(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length += 1;
  return `${length}${rest}`;
}

function header(member: Member, length: number): Buffer {
  const block = Buffer.alloc(512);
  const type = member.type ?? (member.name.endsWith('/') ? '5' : '0');
  block.write(member.name.slice(0, 100), 0, 100, 'latin1');
  number(block, [100, 8], member.mode ?? (type === '5' ? 0o755 : 0o644));
  number(block, [108, 8], member.uid ?? 0);
  number(block, [116, 8], member.gid ?? 0);
  number(block, [124, 12], member.size ?? length);
  number(block, [136, 12], member.mtime ?? 1_700_000_000);
  block.write(type, 156, 1, 'latin1');
  block.write((member.linkName ?? '').slice(0, 100), 157, 100, 'latin1');
  block.write(USTAR, 257, 8, 'latin1');
  number(block, [329, 8], member.major ?? 0);
  number(block, [337, 8], member.minor ?? 0);
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 8, 'latin1');
  return block;
}

const USTAR = ['ustar', '00'].join('\0');

/** Octal, or base 256 when that is too small, as GNU tar does. */
function number(block: Buffer, [offset, length]: readonly [number, number], value: number): void {
  const digits = value.toString(8);
  if (value >= 0 && digits.length < length) {
    block.write(`${digits.padStart(length - 1, '0')}\0`, offset, length, 'latin1');
    return;
  }
  let rest = BigInt.asUintN(8 * length, BigInt(value));
  for (let at = offset + length - 1; at >= offset; at -= 1) {
    block[at] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  block[offset] = (block[offset] ?? 0) | 0x80;
}
