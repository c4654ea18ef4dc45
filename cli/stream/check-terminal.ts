import { isatty } from 'node:tty';
import { invalidArgument } from '../../common/errors.ts';

/** Throws docker's text when a container's terminal would be fed from something that is none. */
export function checkTerminal(stdin: boolean, tty: boolean): void {
  if (stdin && tty && !isatty(0)) throw invalidArgument('the input device is not a TTY');
}
