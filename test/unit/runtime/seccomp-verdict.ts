import assert from 'node:assert/strict';

export interface Call {
  readonly arch: number;
  readonly number: number;
  readonly args?: readonly bigint[];
}

/** What a filter says of a call: the kernel's interpreter, as far as filters use it (net/core/filter.c). */
export function evaluate(program: Uint8Array, call: Call): number {
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(0, call.number, true);
  data.setUint32(4, call.arch, true);
  (call.args ?? []).forEach((value, index) => data.setBigUint64(16 + 8 * index, value, true));
  const code = new DataView(program.buffer, program.byteOffset, program.byteLength);
  let accumulator = 0;
  for (let at = 0; at < program.byteLength / 8; at += 1) {
    const [op, yes, no] = [
      code.getUint16(at * 8, true),
      code.getUint8(at * 8 + 2),
      code.getUint8(at * 8 + 3),
    ];
    const k = code.getUint32(at * 8 + 4, true);
    const jump = (holds: boolean): void => void (at += holds ? yes : no);
    if (op === 0x20) accumulator = data.getUint32(k, true);
    else if (op === 0x54) accumulator = (accumulator & k) >>> 0;
    else if (op === 0x05) at += k;
    else if (op === 0x15) jump(accumulator === k);
    else if (op === 0x25) jump(accumulator > k);
    else if (op === 0x35) jump(accumulator >= k);
    else if (op === 0x06) return k;
    else assert.fail(`unknown instruction ${op}`);
  }
  return assert.fail('the filter ends without a verdict');
}
