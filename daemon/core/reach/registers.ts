/** A byte of a packet that is not known: of whom it comes from, say. */
export type Byte = number | undefined;

/** The registers of a rule: a byte each, known or not. */
export class Registers {
  readonly #bytes: Byte[] = [];

  load(register: number, bytes: readonly Byte[]): void {
    const at = offsetOf(register);
    for (const [index, byte] of bytes.entries()) this.#bytes[at + index] = byte;
  }

  read(register: number, length: number): Byte[] {
    const at = offsetOf(register);
    return Array.from({ length }, (_none, index) => this.#bytes[at + index]);
  }
}

/** NFT_REG_1 to 4 have sixteen bytes, NFT_REG32_00 and on four of the same. */
const offsetOf = (register: number): number => (register >= 8 ? (register - 8) * 4 : (register - 1) * 16);

export type Match = 'yes' | 'no' | 'maybe';

export const not = (match: Match): Match => (match === 'yes' ? 'no' : match === 'no' ? 'yes' : 'maybe');
export const whether = (known: boolean): Match => (known ? 'yes' : 'no');

/** By the first that differs; undefined when that is not known. */
export function compareBytes(bytes: readonly Byte[], other: Uint8Array): number | undefined {
  for (const [index, theirs] of other.entries()) {
    const ours = bytes[index];
    if (ours === undefined) return undefined;
    if (ours !== theirs) return ours - theirs;
  }
  return 0;
}

export function equals(bytes: readonly Byte[], other: Uint8Array): Match {
  if ([...other].some((theirs, index) => bytes[index] !== undefined && bytes[index] !== theirs)) return 'no';
  return bytes.slice(0, other.byteLength).includes(undefined) ? 'maybe' : 'yes';
}
