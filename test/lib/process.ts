import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { env } from 'node:process';

export interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface RunOptions extends SpawnOptions {
  readonly input?: string | Uint8Array;
  readonly timeoutMs?: number;
}

/** A machine that is slow for a known reason (scripts/vm.ts) has everything take so many times as long. */
export const PATIENCE = Number(env['WHERRY_TEST_PATIENCE'] ?? 1);
const TIMEOUT_MS = 30_000;
/** Where everything takes longer, so does the question, and it is in the way of what it asks for. */
const POLL_MS = PATIENCE > 1 ? 100 : 20;

/** Runs a program to its end. The code is 128 + n for signal n, as a shell has it. Throws when it takes too long. */
export async function exec(argv: readonly string[], options: RunOptions = {}): Promise<Result> {
  const child = start(argv, { ...options, stdio: 'pipe' });
  const timeoutMs = (options.timeoutMs ?? TIMEOUT_MS) * PATIENCE;
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill('SIGKILL');
  }, timeoutMs);
  child.stdin?.on('error', () => {});
  child.stdin?.end(options.input ?? '');
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended(child)]);
  clearTimeout(timer);
  if (late) throw new Error(`${argv.join(' ')} did not end in ${timeoutMs} ms\n${stdout}${stderr}`);
  return { code, stdout, stderr };
}

/** The same for a program that must succeed; returns what it printed without the last newline. */
export async function execOk(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await exec(argv, options);
  if (code !== 0) throw new Error(`${argv.join(' ')} ended with ${code}: ${stderr}${stdout}`);
  return stdout.replace(/\n$/, '');
}

export function start(argv: readonly string[], options: SpawnOptions = {}): ChildProcess {
  const [command = '', ...args] = argv;
  return spawn(command, args, options);
}

const SIGNALS: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGKILL: 9,
  SIGTERM: 15,
};

/** Resolves with the exit code once the program has ended and its pipes are closed. */
export async function ended(child: ChildProcess): Promise<number> {
  const { exitCode, signalCode } = child;
  const isOver = exitCode !== null || signalCode !== null;
  const [code, signal] = isOver
    ? [exitCode, signalCode]
    : ((await once(child, 'close')) as [number | null, string | null]);
  return code ?? 128 + (SIGNALS[signal ?? ''] ?? 0);
}

async function text(stream: NodeJS.ReadableStream | null): Promise<string> {
  if (stream === null) return '';
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString();
}

/** Polls until `probe` gives something else than undefined or false; throws with `what` after `timeoutMs`. */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs = 30_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs * PATIENCE;
  for (;;) {
    const value = await probe();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > deadline) throw new Error(`After ${timeoutMs * PATIENCE} ms still not: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
