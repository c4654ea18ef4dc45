/**
 * JSON whose whole numbers stay what they are: those beyond 2^53, as a mask of a seccomp rule may be, become bigint, and are
 * written as numbers again (JSON.parse's source text access). Throws what JSON.parse throws.
 */
export function parseExact(text: string): unknown {
  // A reviver is called for every value: only where a number of that many digits is at all.
  if (!LONG_NUMBER.test(text)) return JSON.parse(text);
  return JSON.parse(text, (_, value: unknown, context?: { readonly source?: string }) => {
    const isLost = typeof value === 'number' && !Number.isSafeInteger(value);
    return isLost && /^-?\d+$/.test(context?.source ?? '') ? BigInt(context?.source ?? 0) : value;
  });
}

const LONG_NUMBER = /\d{16}/;

export function stringifyExact(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    // What JSON.stringify throws for a bigint; anything else fails here again.
    if (!(error instanceof TypeError)) throw error;
    return JSON.stringify(value, (_, each: unknown) =>
      typeof each === 'bigint' ? rawJson(String(each)) : each,
    );
  }
}

/** A part of ECMAScript that TypeScript does not know yet. */
const rawJson = (text: string): unknown =>
  (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(text);
