export interface Token {
  /** `illegal`: its text says what is wrong. */
  readonly kind: 'field' | 'quoted' | 'value' | 'operator' | 'separator' | 'end' | 'illegal';
  readonly text: string;
  /** Where it begins. */
  readonly at: number;
}

/** Quoted; between slashes or bars for patterns, whose backslashes are their own. */
const QUOTED = String.raw`(?<quoted>"(?:[^"\\\n]|\\.)*"|/(?:[^/\\\n]|\\.)*/|\|(?:[^|\\\n]|\\.)*\|)`;
const TOKEN = new RegExp(
  String.raw`\s*(?:${QUOTED}|(?<operator>[=!~]+)|(?<separator>[.,])|(?<field>[A-Za-z0-9_]+))`,
  'y',
);
/** Behind an operator: whatever reaches to the next comma or blank, unless a quote begins it. */
const VALUE = new RegExp(String.raw`\s*(?:${QUOTED}|(?<value>(?!["/|])[^\s,]+))`, 'y');

/** Cuts a filter into tokens, the last of which may be `illegal`. */
export function scanFilter(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (text.slice(at).trim() !== '') {
    const pattern = tokens.at(-1)?.kind === 'operator' ? VALUE : TOKEN;
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    const [kind, piece] = Object.entries(found?.groups ?? {}).find(([, value]) => value !== undefined) ?? [];
    if (kind === undefined || piece === undefined) {
      tokens.push(illegal(text, at));
      return tokens;
    }
    const begin = pattern.lastIndex - piece.length;
    tokens.push({ kind: kind as Token['kind'], text: kind === 'quoted' ? unquote(piece) : piece, at: begin });
    at = pattern.lastIndex;
  }
  return tokens;
}

function illegal(text: string, at: number): Token {
  const isQuote = ['"', '/', '|'].includes(text.slice(at).trimStart()[0] ?? '');
  return { kind: 'illegal', text: isQuote ? 'quoted literal not terminated' : 'unexpected input', at };
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' };

/** What stands between the quotes; between those of a pattern, backslashes are the pattern's. */
function unquote(quoted: string): string {
  const inner = quoted.slice(1, -1);
  if (quoted.startsWith('/') || quoted.startsWith('|')) return inner;
  return inner.replaceAll(/\\(.)/g, (_all, character: string) => ESCAPES[character] ?? character);
}
