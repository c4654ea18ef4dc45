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
  let text = '';
  try {
    for await (const bytes of stdin.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      for (const character of bytes.toString('utf8')) {
        if (character === '\r' || character === '\n' || character === '\u0004') return text;
        if (character === '\u0003') {
          stdin.setRawMode(false);
          process.kill(process.pid, 'SIGINT');
        }
        text = character === '\u007f' || character === '\b' ? text.slice(0, -1) : text + character;
      }
    }
    return text;
  } finally {
    stdin.setRawMode(false);
    printError('\n');
  }
}

/** Docker's question before something is removed. */
export async function confirm(warning: string): Promise<boolean> {
  const answer = await ask(`${warning}\nAre you sure you want to continue? [y/N] `);
  return answer.toLowerCase() === 'y';
}
