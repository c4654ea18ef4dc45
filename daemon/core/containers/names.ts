import { randomInt } from 'node:crypto';
import { conflict, invalidArgument } from '../../../common/errors.ts';
import { ADJECTIVES, SURNAMES } from './name-words.ts';

const GRAMMAR = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;
/** After that many a number is appended, as docker does. */
const PLAIN_TRIES = 5;
const TRIES = 50;

/** The name without its slash. Throws `invalid-argument` with docker's text; `given` is what the client wrote. */
export function checkName(given: string): string {
  const name = given.replace(/^\//, '');
  if (GRAMMAR.test(name)) return name;
  throw invalidArgument(`Invalid container name (${given}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`);
}

/** `adjective_surname` that nobody has; the fallback (a short id) when luck runs out. */
export function generateName(isTaken: (name: string) => boolean, fallback: string): string {
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    const name = `${pick(ADJECTIVES)}_${pick(SURNAMES)}${attempt < PLAIN_TRIES ? '' : randomInt(10)}`;
    if (!isTaken(name)) return name;
  }
  return fallback;
}

const pick = (words: readonly string[]): string => words[randomInt(words.length)] ?? '';

export const nameConflict = (name: string, id: string): Error =>
  conflict(
    `Conflict. The container name "/${name}" is already in use by container "${id}". ` +
      'You have to remove (or rename) that container to be able to reuse that name.',
  );
