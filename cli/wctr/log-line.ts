import { printError } from '../output.ts';
import { textOf } from '../containerd/errors.ts';

/** A line on stderr as ctr's logger writes it where stderr is no terminal. */
export function logLine(level: 'warning' | 'error', message: string, error?: unknown): void {
  const time = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
  const cause = error === undefined ? '' : ` error=${JSON.stringify(textOf(error))}`;
  printError(`time="${time}" level=${level} msg=${JSON.stringify(message)}${cause}\n`);
}
