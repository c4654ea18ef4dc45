import { invalidArgument } from '../../common/errors.ts';

/** Values by name. */
export type Variables = ReadonlyMap<string, string>;

/**
 * A word as docker's builder reads it: quotes go, a backslash takes the next character literally (in double quotes only before
 * `"`, `$` and itself), and outside of single quotes `$a`, `${a}`, `${a:-b}`, `${a:+b}` and `${a:?b}` are replaced. Throws
 * `invalid-argument`. Source: https://docs.docker.com/reference/dockerfile/#environment-replacement
 */
export function expandWord(word: string, variables: Variables): string {
  return new Expansion(word, variables).run();
}

class Expansion {
  readonly #text: string;
  readonly #variables: Variables;
  #at = 0;

  constructor(text: string, variables: Variables) {
    this.#text = text;
    this.#variables = variables;
  }

  run(end = ''): string {
    let result = '';
    for (let char = this.#peek(); char !== '' && char !== end; char = this.#peek()) {
      if (char === "'") result += this.#single();
      else if (char === '"') result += this.#double();
      else if (char === '$') result += this.#dollar();
      else result += char === '\\' ? this.#escaped() : this.#next();
    }
    return result;
  }

  #peek(): string {
    return this.#text[this.#at] ?? '';
  }

  #next(): string {
    const char = this.#peek();
    this.#at += 1;
    return char;
  }

  #escaped(): string {
    this.#at += 1;
    return this.#at < this.#text.length ? this.#next() : '\\';
  }

  #single(): string {
    const close = this.#text.indexOf("'", this.#at + 1);
    if (close === -1)
      throw invalidArgument('unexpected end of statement while looking for matching single-quote');
    const inside = this.#text.slice(this.#at + 1, close);
    this.#at = close + 1;
    return inside;
  }

  #double(): string {
    this.#at += 1;
    let result = '';
    for (let char = this.#peek(); char !== '"'; char = this.#peek()) {
      if (char === '') {
        throw invalidArgument('unexpected end of statement while looking for matching double-quote');
      }
      if (char === '$') result += this.#dollar();
      else if (char === '\\' && /^\\["$\\]/.test(this.#text.slice(this.#at))) result += this.#escaped();
      else result += this.#next();
    }
    this.#at += 1;
    return result;
  }

  #dollar(): string {
    this.#at += 1;
    if (this.#peek() !== '{') {
      const name = /^(?:[A-Za-z_][A-Za-z0-9_]*|[0-9@*#])/.exec(this.#text.slice(this.#at))?.[0];
      if (name === undefined) return '$';
      this.#at += name.length;
      return this.#variables.get(name) ?? '';
    }
    this.#at += 1;
    const name = /^[A-Za-z0-9_]*/.exec(this.#text.slice(this.#at))?.[0] ?? '';
    if (name === '') throw invalidArgument(`bad substitution in "${this.#text}"`);
    this.#at += name.length;
    return this.#braced(name);
  }

  #braced(name: string): string {
    const value = this.#variables.get(name);
    const operator = /^:?[-+?]|^\}/.exec(this.#text.slice(this.#at))?.[0];
    if (operator === undefined) throw invalidArgument(`unsupported modifier in substitution of "${name}"`);
    this.#at += operator.length;
    if (operator === '}') return value ?? '';
    const word = this.run('}');
    if (this.#next() !== '}') throw invalidArgument(`missing "}" in substitution of "${name}"`);
    const isSet = operator.startsWith(':') ? value !== undefined && value !== '' : value !== undefined;
    if (operator.endsWith('+')) return isSet ? word : '';
    if (isSet) return value ?? '';
    if (operator.endsWith('-')) return word;
    throw invalidArgument(`${name}: ${word === '' ? 'is not allowed to be unset' : word}`);
  }
}
