/**
 * Parses JSON so that no digit is lost: whole numbers that a double can't hold become bigint. Event times in nanoseconds are
 * such numbers.
 */
export function parseJson(text: string): unknown {
  return /\d{16}/.test(text) ? JSON.parse(text, reviveBig) : JSON.parse(text);
}

function reviveBig(_key: string, value: unknown, { source }: { source?: string } = {}): unknown {
  const isBig = typeof value === 'number' && !Number.isSafeInteger(value);
  return isBig && source !== undefined && /^-?\d+$/.test(source) ? BigInt(source) : value;
}

/** The opposite of `parseJson`. */
export function toJson(value: unknown): string {
  if (typeof value === 'bigint') return String(value);
  if (Array.isArray(value)) return `[${value.map((item) => toJson(item)).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value).filter(
      ([, field]) => field !== undefined && typeof field !== 'function',
    );
    return `{${fields.map(([key, field]) => `${JSON.stringify(key)}:${toJson(field)}`).join(',')}}`;
  }
  return JSON.stringify(value) ?? 'null';
}

/** Indents JSON by four blanks without touching its tokens. */
export function indentJson(text: string): string {
  let out = '';
  let depth = 0;
  const newline = (): string => `\n${'    '.repeat(depth)}`;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g)) {
    if (token === '{' || token === '[') {
      depth += 1;
      out += token + newline();
    } else if (token === '}' || token === ']') {
      depth -= 1;
      // Nothing between the brackets: they stay together.
      out = /[{[]\s*$/.test(out.slice(-(depth * 4 + 6))) ? out.trimEnd() + token : out + newline() + token;
    } else if (token === ',') out += token + newline();
    else out += token === ':' ? ': ' : token;
  }
  return out;
}

/** Go's encoder does so, and what compares the output of both engines sees it. */
export const escapeHtml = (json: string): string =>
  json.replaceAll('<', '\\u003c').replaceAll('>', '\\u003e').replaceAll('&', '\\u0026');
