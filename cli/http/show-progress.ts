import { isatty } from 'node:tty';
import { print } from '../output.ts';
import { drawProgress } from './bars.ts';
import { showProgress } from './progress.ts';

/** Bars on a terminal, plain lines without one, nothing but a failure when quiet. */
export async function followProgress(body: AsyncIterable<Buffer>, quiet: boolean): Promise<void> {
  if (quiet) await showProgress(body, () => undefined);
  else if (isatty(1)) {
    await drawProgress(body, { columns: () => process.stdout.columns || 0, write: print });
  } else await showProgress(body, print);
}
