import { invalidArgument } from '../../common/errors.ts';

/** One Dockerfile instruction. */
export interface Instruction {
  /** As it was written. */
  readonly name: string;
  /** Flags before the arguments: `--interval=5s`. */
  readonly flags: readonly string[];
  /** What follows, without spaces around it. */
  readonly rest: string;
}

/**
 * The instructions of a Dockerfile's text: comments and empty lines are dropped, a backslash at the end of a line continues it.
 * Source: https://docs.docker.com/reference/dockerfile/#format
 */
export function instructionsOf(text: string): Instruction[] {
  const lines: string[] = [];
  let open = '';
  for (const line of text.split('\n')) {
    if (/^\s*(#|$)/.test(line)) continue;
    const continued = /^(.*)\\[ \t]*$/.exec(line);
    open += continued?.[1] ?? line;
    if (continued !== null) continue;
    lines.push(open);
    open = '';
  }
  if (open !== '') lines.push(open);
  return lines.map((line) => splitLine(line)).filter(({ name }) => name !== '');
}

export function splitLine(line: string): Instruction {
  const [, name = '', behind = ''] = /^\s*(\S*)\s*([^]*)$/.exec(line) ?? [];
  let rest = behind.trim();
  const flags: string[] = [];
  if (name.toLowerCase() === 'healthcheck') {
    for (let flag = FLAG.exec(rest); flag !== null; flag = FLAG.exec(rest)) {
      flags.push(flag[0].trim());
      rest = rest.slice(flag[0].length);
    }
  }
  return { name, flags, rest };
}

const FLAG = /^--[a-z][a-z-]*(=\S*)?(\s+|$)/;

/** A JSON list of strings; undefined for what is none. Throws for a list of something else, as docker does. */
export function jsonWords(rest: string): string[] | undefined {
  if (!rest.startsWith('[')) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(rest);
  } catch {
    return undefined;
  }
  if (!Array.isArray(value)) return undefined;
  if (value.some((item) => typeof item !== 'string')) {
    throw invalidArgument('when using JSON array syntax, arrays must be comprised of strings only');
  }
  return value as string[];
}

/** Words between spaces; quotes and backslashes hold a word together and stay in it. */
export function quotedWords(rest: string): string[] {
  return [...rest.matchAll(/(?:\\[^]|"(?:\\[^]|[^"\\])*"?|'[^']*'?|[^\s\\"']|\\$)+/g)].map(([word]) => word);
}
