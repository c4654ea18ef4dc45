/** Docker's maxOutputLen. */
const MAX_BYTES = 4096;

/** What a probe says, as far as it is kept. */
export interface Output {
  /** False: there was more than is kept, and no more is of use. */
  add(data: Uint8Array): boolean;
  /** With `...` at its end when there was more, as docker has it. */
  text(): string;
}

export function createOutput(): Output {
  const kept: Uint8Array[] = [];
  let bytes = 0;
  let truncated = false;
  return {
    add: (data) => {
      const part = data.subarray(0, MAX_BYTES - bytes);
      if (part.byteLength > 0) kept.push(Uint8Array.from(part));
      bytes += part.byteLength;
      truncated ||= part.byteLength < data.byteLength;
      return !truncated;
    },
    text: () => `${Buffer.concat(kept).toString('utf8')}${truncated ? '...' : ''}`,
  };
}
