import { readFileSync } from 'node:fs';
import { invalidArgument } from '../../common/errors.ts';

/** Checks a value of `-e`; a name without value is allowed. */
export function checkVariable(text: string): string {
  if (text === '' || text.startsWith('=')) throw new Error(`invalid environment variable: ${text}`);
  return text;
}

/**
 * The variables of `--env-file` and `-e`, files first, as `NAME=value`. A name without value takes the value of this
 * process, and is left out where this process has none. Throws `invalid-argument` for a file that can't be read.
 */
export function readVariables(files: readonly string[], given: readonly string[]): string[] {
  const inherited = (text: string): string[] => {
    if (text.includes('=')) return [text];
    const own = process.env[text];
    return own === undefined ? [] : [`${text}=${own}`];
  };
  return [...files.flatMap((file) => linesOf(file)), ...given].flatMap((text) => inherited(text));
}

/** The labels of `--label-file` and `--label` as a map; a name without value has an empty one. */
export function readLabels(files: readonly string[], given: readonly string[]): Record<string, string> {
  const pairs = [...files.flatMap((file) => linesOf(file)), ...given].map((text) => splitPair(text));
  return Object.fromEntries(pairs);
}

/** Cuts at the first `=`; without one the value is empty. */
export function splitPair(text: string): [string, string] {
  const cut = text.indexOf('=');
  return cut < 0 ? [text, ''] : [text.slice(0, cut), text.slice(cut + 1)];
}

function linesOf(file: string): string[] {
  return readText(file)
    .split('\n')
    .map((line) => line.replace(/\r$/, '').trimStart())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => checkLine(line, file));
}

function checkLine(line: string, file: string): string {
  const [name] = splitPair(line);
  if (name === '') throw invalidArgument(`invalid env file (${file}): no variable name on line '${line}'`);
  if (/\s/.test(name)) {
    throw invalidArgument(`invalid env file (${file}): variable '${name}' contains whitespaces`);
  }
  return line;
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8').replace(/^\uFEFF/, '');
  } catch (error) {
    throw fileError('open', file, error);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  EISDIR: 'is a directory',
};

/** A failed call on a file of the user in the words that docker has for it: `open x: no such file or directory`. */
export function fileError(call: string, path: string, error: unknown): Error {
  const { code = '', message } = error as NodeJS.ErrnoException;
  return invalidArgument(`${call} ${path}: ${REASONS[code] ?? message}`, { cause: error });
}
