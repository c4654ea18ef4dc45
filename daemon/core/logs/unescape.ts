const BACKSLASH = 0x5c;
const LETTER_N = 0x6e;
const LETTER_U = 0x75;
const NEWLINE = 10;

/** The characters after a backslash (RFC 8259 section 7) but `u`. */
const SIMPLE = new Map<number, number>(
  Object.entries({ '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }).map(
    ([letter, char]) => [letter.charCodeAt(0), char.charCodeAt(0)],
  ),
);

export interface Piece {
  readonly from: Buffer;
  readonly start: number;
  readonly end: number;
}

/** Appends the text of a JSON string's inside to `out` at `at`; returns where it ends. The text is never longer than its JSON. */
export function appendUnescaped(out: Buffer, at: number, { from, start, end }: Piece): number {
  // By far the most lines have one escape, the newline at their end.
  const newlineEscape = end - 2;
  const endsInNewline =
    newlineEscape >= start &&
    from[newlineEscape] === BACKSLASH &&
    from[newlineEscape + 1] === LETTER_N &&
    from[newlineEscape - 1] !== BACKSLASH;
  const plainEnd = endsInNewline ? newlineEscape : end;
  let position = start;
  let to = at;
  while (position < plainEnd) {
    const found = from.indexOf(BACKSLASH, position);
    const escape = found < 0 || found >= plainEnd ? plainEnd : found;
    to += from.copy(out, to, position, escape);
    if (escape === plainEnd) break;
    const letter = from[escape + 1] ?? 0;
    if (letter === LETTER_U) {
      const { text, length } = unicodeEscape(from, escape);
      to += out.write(text, to);
      position = escape + length;
    } else {
      out[to++] = SIMPLE.get(letter) ?? letter;
      position = escape + 2;
    }
  }
  if (endsInNewline) out[to++] = NEWLINE;
  return to;
}

/** One `\uXXXX`, or a surrogate pair of two. */
function unicodeEscape(from: Buffer, at: number): { text: string; length: number } {
  const unit = codeUnit(from, at);
  const isHigh = unit >= 0xd800 && unit < 0xdc00;
  const second =
    isHigh && from[at + 6] === BACKSLASH && from[at + 7] === LETTER_U ? codeUnit(from, at + 6) : 0;
  if (second >= 0xdc00 && second < 0xe000) return { text: String.fromCharCode(unit, second), length: 12 };
  return { text: String.fromCharCode(unit), length: 6 };
}

const codeUnit = (from: Buffer, at: number): number =>
  Number.parseInt(from.toString('latin1', at + 2, at + 6), 16);
