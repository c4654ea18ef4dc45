import { messageOf } from '../../common/errors.ts';
import { malformed } from './errors.ts';
import { scanFilter, type Token } from './filter-scan.ts';

/** A field of what is filtered, by its path (`labels`, `key`); undefined where there is none. */
export type Fields = (path: readonly string[]) => string | undefined;
export type Filter = (fields: Fields) => boolean;

/**
 * containerd's filters (`name==x,labels."a.b"~=^c`): within one all selectors must match, of several filters any. None, or an
 * empty one, lets everything pass. Throws `invalid-argument`.
 */
export function compileFilters(texts: readonly string[]): Filter {
  if (texts.length === 0) return () => true;
  const filters = texts.map(compile);
  return (fields) => filters.some((filter) => filter(fields));
}

/** The same for containers, images, leases and plugins, of whose refusals containerd says twice what kind they are. */
export function compileRecordFilters(texts: readonly string[]): Filter {
  try {
    return compileFilters(texts);
  } catch (error) {
    throw malformed(messageOf(error));
  }
}

function compile(text: string): Filter {
  if (text === '') return () => true;
  const selectors = parse(text);
  return (fields) => selectors.every((selector) => selector(fields));
}

function parse(text: string): Filter[] {
  const tokens = scanFilter(text);
  let at = 0;
  const peek = (): Token => tokens[at] ?? { kind: 'end', text: '', at: text.length };
  const fail = (token: Token, message: string): never => {
    throw malformed(`filters: parse error: ${place(text, token.at)}: ${message}`);
  };
  const take = (): Token => {
    const token = peek();
    if (token.kind === 'illegal') fail(token, token.text);
    at += 1;
    return token;
  };
  const field = (): string => {
    const token = take();
    if (token.kind === 'field' || token.kind === 'quoted') return token.text;
    return fail(token, 'expected field or quoted');
  };
  const fieldPath = (): string[] => {
    const path = [field()];
    while (peek().text === '.' && peek().kind === 'separator') {
      take();
      path.push(field());
    }
    return path;
  };
  const selector = (): Filter => {
    const path = fieldPath();
    if (peek().kind === 'end' || (peek().kind === 'separator' && peek().text === ','))
      return (fields) => fields(path) !== undefined;
    const operator = take();
    if (operator.kind !== 'operator') fail(operator, 'expected an operator ("=="|"!="|"~=")');
    if (!['==', '!=', '~='].includes(operator.text))
      fail(operator, `unsupported operator "${operator.text}"`);
    const value = take();
    if (!['value', 'field', 'quoted'].includes(value.kind)) fail(value, 'expected value or quoted');
    return comparison(path, operator.text, value.text);
  };
  const selectors = [selector()];
  while (peek().kind !== 'end') {
    const token = take();
    if (token.kind !== 'separator' || token.text !== ',') fail(token, `unexpected input: ${token.text}`);
    selectors.push(selector());
  }
  return selectors;
}

function comparison(path: readonly string[], operator: string, value: string): Filter {
  if (operator === '==') return (fields) => fields(path) === value;
  if (operator === '!=') return (fields) => fields(path) !== value;
  const pattern = compilePattern(value);
  return (fields) => {
    const found = fields(path);
    return found !== undefined && pattern !== undefined && pattern.test(found);
  };
}

/** One that is no regular expression matches nothing, as there. */
function compilePattern(value: string): RegExp | undefined {
  try {
    return new RegExp(value);
  } catch {
    return undefined;
  }
}

function place(text: string, at: number): string {
  if (at >= text.length) return `[${text}]`;
  return `[${text.slice(0, at)} >|${text[at] ?? ''}|< ${text.slice(at + 1)}]`;
}
