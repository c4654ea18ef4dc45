import { invalidArgument } from '../../common/errors.ts';

/** `ctrl-p,ctrl-q`: what ends a terminal's session when nothing else is asked for. */
export const DEFAULT_DETACH_KEYS: Uint8Array = Uint8Array.of(16, 17);

/** What the shim keeps of a sequence (native/c/clients.c). */
const MAX_KEYS = 32;

/**
 * Docker's syntax: keys with commas between them, each one ASCII character, `DEL`, or `ctrl-` and one of `@ a-z [ \ ] ^ _`.
 * Throws `invalid-argument` with docker's text. An empty text has no keys.
 */
export function parseDetachKeys(text: string): Uint8Array {
  if (text === '') return new Uint8Array();
  const bytes = text.split(',').map((key) => keyByte(key));
  if (bytes.length > MAX_KEYS || bytes.includes(undefined)) {
    throw invalidArgument(`Invalid detach keys (${text}) provided`);
  }
  return Uint8Array.from(bytes as number[]);
}

function keyByte(key: string): number | undefined {
  if (/^[\x20-\x7e]$/.test(key)) return key.charCodeAt(0);
  if (key === 'DEL') return 127;
  const control = /^ctrl-([@a-z[\\\]^_])$/.exec(key)?.[1];
  return control === undefined ? undefined : control.toUpperCase().charCodeAt(0) - 64;
}

/** Docker looks for detach keys on terminals only. */
export function detachKeysFor(tty: boolean, text: string | undefined): Uint8Array {
  if (!tty) return new Uint8Array();
  return text === undefined || text === '' ? DEFAULT_DETACH_KEYS : parseDetachKeys(text);
}
