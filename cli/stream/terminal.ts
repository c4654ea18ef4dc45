import type { FunctionSignature } from 'node:ffi';

/** Bytes enough for any Linux `struct termios`. */
const TERMIOS_BYTES = 64;
/** tcsetattr(3): after what was written has gone out. */
const TCSADRAIN = 1;

const TERMIOS_CALLS = {
  tcgetattr: { arguments: ['i32', 'pointer'], return: 'i32' },
  tcsetattr: { arguments: ['i32', 'i32', 'pointer'], return: 'i32' },
  cfmakeraw: { arguments: ['pointer'], return: 'void' },
} as const satisfies Record<string, FunctionSignature>;

/** Signals that end this process while the terminal is raw, unless somebody forwards them. */
const FATAL = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const;

/**
 * Makes the terminal at stdin raw and returns the way back, which may be called many times. Every other way out leads back
 * too: the exit of the process, and the signals that end it, which do so after the terminal is as it was.
 */
export async function enterRawMode(): Promise<() => void> {
  const { stdin } = process;
  stdin.setRawMode(true);
  await turnOffOutputProcessing();
  let raw = true;
  const restore = (): void => {
    if (raw) stdin.setRawMode(false);
    raw = false;
  };
  process.once('exit', restore);
  for (const signal of FATAL) {
    if (process.listenerCount(signal) > 0) continue;
    process.once(signal, () => {
      restore();
      process.kill(process.pid, signal);
    });
  }
  return restore;
}

/**
 * Node's raw mode still turns `\n` into `\r\n`. The container's own terminal does that already, and a full-screen program
 * that moves the cursor down with a bare `\n` would find it in the first column. Node has no call for it, so the C library's
 * is used; where it can't be (Node built without FFI) the terminal stays as Node made it.
 */
async function turnOffOutputProcessing(): Promise<void> {
  const printers = process.listeners('warning');
  try {
    // The module is declared experimental; this project brings its own Node, so the warning tells the user nothing.
    process.removeAllListeners('warning');
    const { dlopen } = await import('node:ffi');
    const { tcgetattr, tcsetattr, cfmakeraw } = dlopen(null, TERMIOS_CALLS).functions;
    const termios = Buffer.alloc(TERMIOS_BYTES);
    if (tcgetattr(0, termios) !== 0) return;
    cfmakeraw(termios);
    tcsetattr(0, TCSADRAIN, termios);
  } catch {
    // Usable all the same.
  } finally {
    // A warning is emitted in the next tick.
    setImmediate(() => printers.forEach((printer) => process.on('warning', printer)));
  }
}

/** Rows and columns of the terminal at stdout; zeros without one. */
export function terminalSize(): { readonly rows: number; readonly columns: number } {
  if (!process.stdout.isTTY) return { rows: 0, columns: 0 };
  const [columns, rows] = process.stdout.getWindowSize();
  return { rows, columns };
}
