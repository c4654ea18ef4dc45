import type { DumpedElement, DumpedExpression } from '../../../native/netlink/nftables-ruleset.ts';
import { valueOf, type DumpedVerdict } from '../../../native/netlink/nftables-ruleset.ts';
import { compareBytes, equals, not, whether, type Byte, type Match } from './registers.ts';

/** Comparisons of rules with what is known of a packet. Pure. */
const numberOf = ({ attributes }: DumpedExpression, type: number): number =>
  attributes.get(type)?.readUInt32BE(0) ?? 0;

const none = Buffer.alloc(0);

/** `cmp`: of the bytes that were loaded. */
export function compareTo(expression: DumpedExpression, bytes: readonly Byte[]): Match {
  const value = valueOf(expression.attributes.get(3)) ?? none;
  const operation = numberOf(expression, 2);
  if (operation === 0) return equals(bytes, value);
  if (operation === 1) return not(equals(bytes, value));
  const difference = compareBytes(bytes, value);
  if (difference === undefined) return 'maybe';
  const holds = [difference < 0, difference <= 0, difference > 0, difference >= 0];
  return whether(holds[operation - 2] ?? false);
}

/** `range`. */
export function inRange(expression: DumpedExpression, bytes: readonly Byte[]): Match {
  const [from, to] = [3, 4].map((type) => valueOf(expression.attributes.get(type)) ?? none);
  const [above, below] = [compareBytes(bytes, from ?? none), compareBytes(bytes, to ?? none)];
  if (above === undefined || below === undefined) return 'maybe';
  const within = whether(above >= 0 && below <= 0);
  return numberOf(expression, 2) === 1 ? not(within) : within;
}

/** `bitwise`: and, then exclusive or. */
export function masked(expression: DumpedExpression, bytes: readonly Byte[]): Byte[] {
  const [mask, flip] = [4, 5].map((type) => valueOf(expression.attributes.get(type)) ?? none);
  return bytes.map((byte, index) => {
    const [kept, flipped] = [mask?.[index] ?? 0, flip?.[index] ?? 0];
    if (kept === 0) return flipped;
    return byte === undefined ? undefined : (byte & kept) ^ flipped;
  });
}

export interface Found {
  readonly match: Match;
  readonly verdict: DumpedVerdict | undefined;
}

const CELL = 4;

/** Which element of a set or map holds the key. */
export function findElement(elements: readonly DumpedElement[], read: (length: number) => Byte[]): Found {
  const length = elements[0]?.key.byteLength ?? 0;
  const key = read(length);
  const isInterval = elements.some(({ isEnd }) => isEnd);
  if (isInterval) return findInterval(elements, key);
  let maybe = false;
  for (const element of elements) {
    const match = element.keyEnd === undefined ? equals(key, element.key) : inBox(element, key);
    if (match === 'yes') return { match, verdict: element.verdict };
    maybe ||= match === 'maybe';
  }
  return { match: maybe ? 'maybe' : 'no', verdict: undefined };
}

function findInterval(elements: readonly DumpedElement[], key: readonly Byte[]): Found {
  let last: DumpedElement | undefined;
  for (const element of elements.toSorted((a, b) => a.key.compare(b.key))) {
    const order = compareBytes(key, element.key);
    if (order === undefined) return { match: 'maybe', verdict: undefined };
    if (order >= 0 && (last === undefined || !(element.isEnd && last.key.equals(element.key))))
      last = element;
  }
  return last === undefined || last.isEnd
    ? { match: 'no', verdict: undefined }
    : { match: 'yes', verdict: last.verdict };
}

/** Cell by cell: right for fields of up to four bytes; of longer ones it only says what it knows. */
function inBox({ key: first, keyEnd: last = none }: DumpedElement, key: readonly Byte[]): Match {
  let match: Match = 'yes';
  for (let at = 0; at < first.byteLength; at += CELL) {
    const part = key.slice(at, at + CELL);
    const [low, high] = [first.subarray(at, at + CELL), last.subarray(at, at + CELL)];
    const [above, below] = [compareBytes(part, low), compareBytes(part, high)];
    if (above === undefined || below === undefined) match = 'maybe';
    else if (above < 0 || below > 0) return 'no';
  }
  return match;
}
