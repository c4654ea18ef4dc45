import { invalidArgument } from '../../common/errors.ts';

export const DEFAULT_DETACH_KEYS = 'ctrl-p,ctrl-q';

/** `ctrl-` and one of these is the byte of its place. */
const CONTROL = '@abcdefghijklmnopqrstuvwxyz[\\]^_';

/** The bytes of docker's syntax: `ctrl-p,ctrl-q`, `a,b`, `DEL`. Throws `invalid-argument` for an unknown key. */
export function parseDetachKeys(keys: string): Uint8Array {
  return Uint8Array.from(keys.split(','), (key) => {
    if (key.length === 1) return key.charCodeAt(0);
    if (key === 'DEL') return 127;
    const control = /^ctrl-(.)$/.exec(key)?.[1];
    const code = control === undefined ? -1 : CONTROL.indexOf(control);
    if (code < 0) throw invalidArgument(`Unknown character: '${key}'`);
    return code;
  });
}

/** What a piece of input leaves to be sent, and whether the keys were complete in it. */
export interface Scanned {
  readonly send: Uint8Array;
  readonly detached: boolean;
}

/**
 * Looks for the detach keys in what is typed. A beginning of the keys is held back until the next byte tells whether it was
 * meant; it is sent when not.
 */
export function detachScanner(keys: Uint8Array): (typed: Uint8Array) => Scanned {
  let matched = 0;
  return (typed) => {
    const send: number[] = [];
    for (const byte of typed) {
      if (byte !== keys[matched]) {
        send.push(...keys.subarray(0, matched));
        matched = 0;
      }
      if (byte !== keys[matched]) send.push(byte);
      else if (++matched === keys.length) return { send: Uint8Array.from(send), detached: true };
    }
    return { send: Uint8Array.from(send), detached: false };
  };
}
