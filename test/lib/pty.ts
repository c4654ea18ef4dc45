import { closeSync, constants, createReadStream, openSync, writeSync } from 'node:fs';
import { checked, syscallShape } from '../../native/ffi/syscall.ts';
import { syscallNumber } from '../../native/ffi/numbers.ts';
import { ended, eventually, start } from './process.ts';

/** A program on a pseudo-terminal of its own, as a user sits before it. */
export interface Terminal extends AsyncDisposable {
  /** What the screen got so far. */
  screen(): string;
  type(text: string): void;
  resize(rows: number, columns: number): void;
  /** Waits until the screen shows `text`, or matches. */
  shows(text: string | RegExp, timeoutMs?: number): Promise<void>;
  /** The program's exit code. */
  readonly exit: Promise<number>;
  kill(signal: NodeJS.Signals): void;
}

const TIOCGPTN = 0x80045430;
const TIOCSPTLCK = 0x40045431;
const TIOCSWINSZ = 0x5414;

const ioctl = syscallShape<[number, number, Uint8Array]>('int64_t fd, int64_t request, void *argument');

function control(fd: number, request: number, argument: Uint8Array): void {
  checked('ioctl', 'ptmx', () => ioctl(syscallNumber('ioctl'), fd, request, argument));
}

/** Starts `argv` in a session whose controlling terminal is new. */
export function openTerminal(
  argv: readonly string[],
  options: { readonly rows?: number; readonly columns?: number; readonly env?: NodeJS.ProcessEnv } = {},
): Terminal {
  const master = openSync('/dev/ptmx', constants.O_RDWR | constants.O_NOCTTY);
  control(master, TIOCSPTLCK, new Uint8Array(4));
  const number = new Uint32Array(1);
  control(master, TIOCGPTN, new Uint8Array(number.buffer));
  setSize(master, options.rows ?? 24, options.columns ?? 80);
  const slave = openSync(`/dev/pts/${number[0]}`, constants.O_RDWR | constants.O_NOCTTY);
  const child = start(['setsid', '--ctty', ...argv], {
    stdio: [slave, slave, slave],
    env: { ...process.env, TERM: 'xterm', ...options.env },
  });
  closeSync(slave);
  let screen = '';
  const reader = createReadStream('', { fd: master, autoClose: false });
  reader.on('data', (chunk) => (screen += chunk.toString()));
  // The last holder of the terminal has gone: EIO is how its end looks.
  const drained = new Promise<void>((resolve) =>
    reader.on('error', () => resolve()).on('end', () => resolve()),
  );
  const exit = ended(child).then(async (code) => (await drained, code));
  return {
    screen: () => screen,
    type: (text) => void writeSync(master, text),
    resize: (rows, columns) => setSize(master, rows, columns),
    shows: async (text, timeoutMs) => {
      const seen = (): boolean => (typeof text === 'string' ? screen.includes(text) : text.test(screen));
      await eventually(`screen shows ${String(text)}`, seen, timeoutMs).catch((error: unknown) => {
        throw new Error(`The screen does not show ${String(text)} but:\n${screen}`, { cause: error });
      });
    },
    exit,
    kill: (signal) => void child.kill(signal),
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await exit;
      closeSync(master);
    },
  };
}

function setSize(master: number, rows: number, columns: number): void {
  control(master, TIOCSWINSZ, new Uint8Array(Uint16Array.of(rows, columns, 0, 0).buffer));
}
