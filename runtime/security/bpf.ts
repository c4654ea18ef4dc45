/**
 * Classic BPF as seccomp runs it (man 2 seccomp, linux/filter.h), with labels instead of offsets. Code goes forward only; a
 * conditional jump reaches 255 instructions, so a far one goes through an unconditional jump next to it.
 */
export type Target = { readonly kind: 'label'; at: number | undefined };

export const label = (): Target => ({ kind: 'label', at: undefined });

const LD_ABS = 0x20;
const ALU_AND = 0x54;
const JA = 0x05;
const JEQ = 0x15;
const JGT = 0x25;
const JGE = 0x35;
const RET = 0x06;

type Compare = typeof JEQ | typeof JGT | typeof JGE;
type Line =
  | { readonly kind: 'plain'; readonly code: number; readonly k: number }
  | {
      readonly kind: 'branch';
      readonly code: Compare;
      readonly k: number;
      readonly yes: Target;
      readonly no: Target;
    }
  | { readonly kind: 'go'; readonly to: Target };

const NEAR = 255;
const INSTRUCTION_BYTES = 8;

export class Assembler {
  readonly #lines: (Line | Target)[] = [];

  load(offset: number): void {
    this.#lines.push({ kind: 'plain', code: LD_ABS, k: offset });
  }

  and(mask: number): void {
    this.#lines.push({ kind: 'plain', code: ALU_AND, k: mask });
  }

  ret(value: number): void {
    this.#lines.push({ kind: 'plain', code: RET, k: value });
  }

  /** Compares the accumulator, unsigned, with `k`. */
  branch(compare: '==' | '>' | '>=', k: number, ways: { readonly yes: Target; readonly no: Target }): void {
    const code = compare === '==' ? JEQ : compare === '>' ? JGT : JGE;
    this.#lines.push({ kind: 'branch', code, k, ...ways });
  }

  go(to: Target): void {
    this.#lines.push({ kind: 'go', to });
  }

  here(target: Target): void {
    this.#lines.push(target);
  }

  /** struct sock_filter[]. Widens branches until all of them reach. */
  assemble(): Uint8Array {
    const wide = new Set<number>();
    for (;;) {
      const places = this.#place(wide);
      const before = wide.size;
      this.#widen(places, wide);
      if (wide.size === before) return this.#encode(places, wide);
    }
  }

  /** Instruction index of each line; labels are bound. A wide branch is followed by two jumps. */
  #place(wide: ReadonlySet<number>): number[] {
    let at = 0;
    return this.#lines.map((line, index) => {
      const place = at;
      if (line.kind === 'label') line.at = at;
      else at += wide.has(index) ? 3 : 1;
      return place;
    });
  }

  #widen(places: readonly number[], wide: Set<number>): void {
    for (const [index, line] of this.#lines.entries()) {
      if (line.kind !== 'branch' || wide.has(index)) continue;
      const from = (places[index] ?? 0) + 1;
      if (Math.max(position(line.yes), position(line.no)) - from > NEAR) wide.add(index);
    }
  }

  #encode(places: readonly number[], wide: ReadonlySet<number>): Uint8Array {
    const words: [code: number, jt: number, jf: number, k: number][] = [];
    for (const [index, line] of this.#lines.entries()) {
      const next = (places[index] ?? 0) + 1;
      if (line.kind === 'label') continue;
      if (line.kind === 'plain') words.push([line.code, 0, 0, line.k]);
      else if (line.kind === 'go') words.push([JA, 0, 0, position(line.to) - next]);
      else if (wide.has(index)) {
        words.push([line.code, 0, 1, line.k]);
        words.push([JA, 0, 0, position(line.yes) - next - 1]);
        words.push([JA, 0, 0, position(line.no) - next - 2]);
      } else words.push([line.code, position(line.yes) - next, position(line.no) - next, line.k]);
    }
    return pack(words);
  }
}

function position(target: Target): number {
  if (target.at === undefined) throw new Error('A filter jumps to a label that is nowhere');
  return target.at;
}

function pack(words: readonly (readonly [number, number, number, number])[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(words.length * INSTRUCTION_BYTES));
  words.forEach(([code, jt, jf, k], index) => {
    const at = index * INSTRUCTION_BYTES;
    view.setUint16(at, code, true);
    view.setUint8(at + 2, jt);
    view.setUint8(at + 3, jf);
    view.setUint32(at + 4, k >>> 0, true);
  });
  return new Uint8Array(view.buffer);
}
