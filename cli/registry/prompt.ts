import { printError } from '../output.ts';

/** Asks a question on the terminal at stdin and reads one line. `hidden`: what is typed is not shown. */
export async function ask(question: string, hidden = false): Promise<string> {
  const { createInterface } = await import('node:readline');
  printError(question);
  if (hidden) return readHidden();
  const lines = createInterface({ input: process.stdin });
  try {
    for await (const line of lines) return line.trim();
    return '';
  } finally {
    lines.close();
  }
}

/** The terminal echoes nothing while it is raw. Interrupted, the process ends like any other. */
async function readHidden(): Promise<string> {
  const { stdin } = process;
  stdin.setRawMode(true);
  let typed = '';
  try {
    for await (const bytes of stdin.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      const [line = '', ...more] = (typed + bytes.toString('utf8'))
        .replaceAll(END_OF_INPUT, '\n')
        .split(/[\r\n]/);
      typed = edited(line);
      if (more.length > 0) return typed;
    }
    return typed;
  } finally {
    stdin.setRawMode(false);
    printError('\n');
  }
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
