import { printError } from '../output.ts';

/** Asks a question on the terminal at stdin and reads one line. `hidden`: what is typed is not shown. */
export async function ask(question: string, hidden = false): Promise<string> {
  printError(question);
  if (!hidden) return (await readLine((text) => text)).trim();
  process.stdin.setRawMode(true);
  try {
    return await readLine(edited);
  } finally {
    process.stdin.setRawMode(false);
    printError('\n');
  }
}

/** Up to the end of a line, or of the input; `edit` is what the terminal itself does when it is not raw. */
function readLine(edit: (typed: string) => string): Promise<string> {
  const { stdin } = process;
  const { promise, resolve } = Promise.withResolvers<string>();
  let typed = '';
  const more = (bytes: Buffer): void => {
    const text = typed + bytes.toString('utf8').replaceAll(END_OF_INPUT, '\n');
    const [line = '', ...rest] = text.split(/[\r\n]/);
    typed = edit(line);
    if (rest.length > 0) end();
  };
  const end = (): void => {
    stdin.off('data', more).off('end', end).pause();
    resolve(typed);
  };
  stdin.on('data', more).on('end', end).resume();
  return promise;
}

const INTERRUPT = '\u0003';
const END_OF_INPUT = '\u0004';

/** Backspace takes a character away. */
function edited(typed: string): string {
  let text = '';
  for (const character of typed) {
    if (character === INTERRUPT) interrupt();
    text = character === '\u007f' || character === '\b' ? text.slice(0, -1) : text + character;
  }
  return text;
}

/** In raw mode the terminal itself sends no signal. */
function interrupt(): void {
  process.stdin.setRawMode(false);
  process.kill(process.pid, 'SIGINT');
}

/** Docker's question before something is removed. */
export async function confirm(warning: string): Promise<boolean> {
  const answer = await ask(`${warning}\nAre you sure you want to continue? [y/N] `);
  return answer.toLowerCase() === 'y';
}
