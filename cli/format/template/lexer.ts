export interface Token {
  readonly kind:
    'text' | 'open' | 'close' | 'field' | 'dot' | 'variable' | 'word' | 'string' | 'number' | 'symbol';
  readonly text: string;
  readonly at: number;
}

const PATTERNS: readonly (readonly [Token['kind'], RegExp])[] = [
  ['string', /"(?:[^"\\\n]|\\.)*"|`[^`]*`|'(?:[^'\\\n]|\\.)'/y],
  ['number', /[+-]?(?:0x[\da-fA-F]+|\d+(?:\.\d+)?(?:e[+-]?\d+)?)/y],
  ['variable', /\$\w*/y],
  ['field', /\.[A-Za-z_]\w*/y],
  ['dot', /\./y],
  ['word', /[A-Za-z_]\w*/y],
  ['symbol', /:=|=|\||\(|\)|,/y],
];

const BLANK = /\s+/y;
const END = /(\s-)?\}\}/y;

/** Cuts a template into texts and the tokens of its actions. Throws with Go's text and line for what is none. */
export function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  let trimNext = false;
  while (at < source.length) {
    const open = source.indexOf('{{', at);
    const end = open < 0 ? source.length : open;
    const trims = open >= 0 && /^\{\{-\s/.test(source.slice(open, open + 4));
    let text = source.slice(at, end);
    if (trimNext) text = text.trimStart();
    if (trims) text = text.trimEnd();
    if (text !== '') tokens.push({ kind: 'text', text, at });
    if (open < 0) break;
    ({ at, trimNext } = readAction(source, open + (trims ? 3 : 2), tokens));
  }
  return tokens;
}

function readAction(source: string, start: number, tokens: Token[]): { at: number; trimNext: boolean } {
  const comment = /^\s*\/\*[\s\S]*?\*\/(\s-)?\}\}/.exec(source.slice(start));
  if (comment !== null) return { at: start + comment[0].length, trimNext: comment[1] !== undefined };
  tokens.push({ kind: 'open', text: '{{', at: start });
  for (let at = start; at < source.length;) {
    const end = matchAt(END, source, at);
    if (end !== undefined) {
      tokens.push({ kind: 'close', text: '}}', at });
      return { at: at + end.length, trimNext: end.length > 2 };
    }
    const blank = matchAt(BLANK, source, at);
    if (blank !== undefined) {
      at += blank.length;
      continue;
    }
    const token = tokenAt(source, at);
    tokens.push(token);
    at += token.text.length;
  }
  throw templateError(source, source.length, 'unclosed action');
}

function tokenAt(source: string, at: number): Token {
  for (const [kind, pattern] of PATTERNS) {
    const text = matchAt(pattern, source, at);
    if (text !== undefined) return { kind, text, at };
  }
  const character = String.fromCodePoint(source.codePointAt(at) ?? 0);
  if (character === '"') throw templateError(source, at, 'unterminated quoted string');
  throw templateError(source, at, `unexpected ${JSON.stringify(character)} in command`);
}

function matchAt(pattern: RegExp, source: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(source)?.[0];
}

/** An error of parsing with Go's position: `template: :1: ...`. */
export function templateError(source: string, at: number, message: string): Error {
  return new Error(`template: :${source.slice(0, at).split('\n').length}: ${message}`);
}
