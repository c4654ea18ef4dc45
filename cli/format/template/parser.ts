import { templateError, type Token, tokenize } from './lexer.ts';
import type { Node, Operand, Pipe } from './nodes.ts';

interface Reader {
  readonly source: string;
  readonly tokens: readonly Token[];
  readonly knows: (name: string) => boolean;
  next: number;
}

/** Parses a template. `knows` tells which functions exist. Throws with Go's texts. */
export function parseTemplate(source: string, knows: (name: string) => boolean): readonly Node[] {
  const reader: Reader = { source, tokens: tokenize(source), knows, next: 0 };
  const { nodes, end } = readNodes(reader);
  if (end !== undefined) throw fail(reader, `unexpected {{${end}}}`);
  return nodes;
}

const CLOSERS = new Set(['end', 'else']);

/** Nodes up to `end`, `else` or the end of the source; the closer is consumed, what follows `else` is not. */
function readNodes(reader: Reader): { nodes: Node[]; end: string | undefined } {
  const nodes: Node[] = [];
  for (;;) {
    const token = take(reader);
    if (token === undefined) return { nodes, end: undefined };
    if (token.kind === 'text') {
      nodes.push({ kind: 'text', text: token.text });
      continue;
    }
    const word = peek(reader);
    if (word?.kind === 'word' && CLOSERS.has(word.text)) {
      take(reader);
      return { nodes, end: word.text };
    }
    nodes.push(readAction(reader, word));
  }
}

function readAction(reader: Reader, word: Token | undefined): Node {
  if (word?.kind === 'word' && (word.text === 'if' || word.text === 'with' || word.text === 'range')) {
    take(reader);
    return readBlock(reader, word.text);
  }
  const pipe = readPipe(reader);
  expectClose(reader);
  return { kind: 'print', pipe };
}

function readBlock(reader: Reader, kind: 'if' | 'with' | 'range'): Node {
  const pipe = readPipe(reader);
  expectClose(reader);
  const { nodes, end } = readNodes(reader);
  if (end === undefined) throw fail(reader, 'unexpected EOF');
  if (end === 'end') {
    expectClose(reader);
    return { kind, pipe, body: nodes, otherwise: [] };
  }
  return { kind, pipe, body: nodes, otherwise: readElse(reader) };
}

function readElse(reader: Reader): readonly Node[] {
  const word = peek(reader);
  if (word?.kind === 'word' && (word.text === 'if' || word.text === 'with')) {
    take(reader);
    return [readBlock(reader, word.text)];
  }
  expectClose(reader);
  const { nodes, end } = readNodes(reader);
  if (end !== 'end') throw fail(reader, end === undefined ? 'unexpected EOF' : 'unexpected {{else}}');
  expectClose(reader);
  return nodes;
}

function readPipe(reader: Reader): Pipe {
  const { variables, declares } = readVariables(reader);
  const commands: Operand[][] = [];
  do commands.push(readCommand(reader));
  while (takeSymbol(reader, '|'));
  return { variables, declares, commands };
}

/** `$a, $b :=` at the start of a pipe; nothing is consumed if there is no such. */
function readVariables(reader: Reader): Pick<Pipe, 'variables' | 'declares'> {
  const start = reader.next;
  const variables: string[] = [];
  do {
    const token = peek(reader);
    if (token?.kind !== 'variable') break;
    variables.push(token.text);
    take(reader);
  } while (takeSymbol(reader, ','));
  if (variables.length > 0) {
    if (takeSymbol(reader, ':=')) return { variables, declares: true };
    if (takeSymbol(reader, '=')) return { variables, declares: false };
  }
  reader.next = start;
  return { variables: [], declares: false };
}

function readCommand(reader: Reader): Operand[] {
  const operands: Operand[] = [];
  for (;;) {
    const token = peek(reader);
    if (token === undefined) throw fail(reader, 'unclosed action');
    if (token.kind === 'close' || isSymbol(token, '|') || isSymbol(token, ')')) break;
    operands.push(readOperand(reader));
  }
  if (operands.length === 0) throw fail(reader, 'missing value for command');
  return operands;
}

function readOperand(reader: Reader): Operand {
  const token = take(reader);
  if (token === undefined) throw fail(reader, 'unclosed action');
  const { at, text } = token;
  switch (token.kind) {
    case 'string':
      return { at, kind: 'literal', value: readString(text) };
    case 'number':
      return { at, kind: 'literal', value: Number(text) };
    case 'variable':
      return { at, kind: 'variable', name: text, names: readNames(reader, at + text.length) };
    case 'dot':
      return { at, kind: 'field', names: [] };
    case 'field':
      return { at, kind: 'field', names: [text.slice(1), ...readNames(reader, at + text.length)] };
    case 'word':
      return readWord(reader, token);
    case 'symbol':
      if (text === '(') return readGroup(reader, at);
      break;
    case 'text':
    case 'open':
    case 'close':
  }
  throw templateError(reader.source, at, `unexpected ${JSON.stringify(text)} in operand`);
}

function readGroup(reader: Reader, at: number): Operand {
  const pipe = readPipe(reader);
  const close = take(reader);
  if (close === undefined || !isSymbol(close, ')')) throw fail(reader, 'unclosed left paren');
  return { at, kind: 'group', pipe, names: readNames(reader, close.at + 1) };
}

/** The fields that follow without a blank between. */
function readNames(reader: Reader, from: number): string[] {
  const names: string[] = [];
  for (let at = from; ;) {
    const token = peek(reader);
    if (token?.kind !== 'field' || token.at !== at) return names;
    names.push(token.text.slice(1));
    at += token.text.length;
    take(reader);
  }
}

function readWord(reader: Reader, { at, text }: Token): Operand {
  if (text === 'true' || text === 'false') return { at, kind: 'literal', value: text === 'true' };
  if (text === 'nil') return { at, kind: 'literal', value: null };
  if (!reader.knows(text)) throw templateError(reader.source, at, `function "${text}" not defined`);
  return { at, kind: 'function', name: text };
}

const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  '"': '"',
  "'": "'",
  '\\': '\\',
  '0': '\0',
};

function readString(text: string): string | number {
  const inner = text.slice(1, -1);
  if (text.startsWith('`')) return inner;
  const plain = inner.replace(/\\(u[\da-fA-F]{4}|x[\da-fA-F]{2}|.)/g, (_, code: string) =>
    code.length > 1 ? String.fromCodePoint(Number.parseInt(code.slice(1), 16)) : (ESCAPES[code] ?? code),
  );
  return text.startsWith("'") ? (plain.codePointAt(0) ?? 0) : plain;
}

const peek = (reader: Reader): Token | undefined => reader.tokens[reader.next];

function take(reader: Reader): Token | undefined {
  const token = reader.tokens[reader.next];
  reader.next += 1;
  return token;
}

const isSymbol = (token: Token, text: string): boolean => token.kind === 'symbol' && token.text === text;

function takeSymbol(reader: Reader, text: string): boolean {
  const token = reader.tokens[reader.next];
  if (token === undefined || !isSymbol(token, text)) return false;
  reader.next += 1;
  return true;
}

function expectClose(reader: Reader): void {
  const token = take(reader);
  if (token?.kind !== 'close') throw fail(reader, 'unexpected text in action');
}

const fail = (reader: Reader, message: string): Error =>
  templateError(reader.source, reader.tokens[reader.next - 1]?.at ?? reader.source.length, message);
