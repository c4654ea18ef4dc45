import { spawn } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, notFound, WherryError } from '../errors.ts';

/** One call of one plugin: the specification's protocol of environment, stdin, stdout and exit code. */
export type Command = 'ADD' | 'CHECK' | 'DEL' | 'GC' | 'STATUS' | 'VERSION';

export interface PluginCall {
  readonly command: Command;
  readonly type: string;
  readonly pluginDirectories: readonly string[];
  /** CNI_CONTAINERID and its like. */
  readonly environment: Readonly<Record<string, string>>;
  readonly input: object;
  readonly timeoutMs: number;
  /** Ends it, or keeps it from being started. */
  readonly signal?: AbortSignal;
}

/** Its answer is no more than this. */
const MAX_ANSWER_BYTES = 4 << 20;
const WORDS: Readonly<Record<Command, string>> = {
  ADD: 'add',
  CHECK: 'check',
  DEL: 'delete',
  GC: 'gc',
  STATUS: 'status',
  VERSION: 'version',
};

export const failure = ({ type, command }: Pick<PluginCall, 'type' | 'command'>, why: string): WherryError =>
  new WherryError('internal', `plugin type="${type}" failed (${WORDS[command]}): ${why}`);

/** Where a plugin is. Throws `not-found` that names it and where it was looked for. */
export async function findPlugin(type: string, directories: readonly string[]): Promise<string> {
  for (const directory of directories) {
    const path = join(directory, type);
    try {
      await access(path, constants.X_OK);
      return path;
    } catch {
      // The next one.
    }
  }
  throw notFound(`failed to find plugin "${type}" in path [${directories.join(' ')}]`);
}

/** What it wrote to stdout, parsed; undefined when that is nothing. Throws in the plugin's words. */
export async function callPlugin(call: PluginCall): Promise<unknown> {
  const path = await findPlugin(call.type, call.pluginDirectories).catch((error: unknown) => {
    throw failure(call, messageOf(error));
  });
  call.signal?.throwIfAborted();
  const ended = await run(path, call);
  if (call.signal?.aborted === true) throw failure(call, 'it was interrupted');
  if (ended.timedOut) throw failure(call, `it did not end within ${call.timeoutMs / 1000} s and was killed`);
  if (ended.how !== 'exit code 0') throw failure(call, reasonOf(ended));
  const text = ended.stdout.trim();
  if (text === '') return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw failure(call, `its answer is no JSON (${messageOf(error)}): ${text.slice(0, 200)}`);
  }
}

interface Ended {
  /** `exit code 1`, `signal SIGKILL`. */
  readonly how: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
}

/** The specification's error object, else whatever there is. */
function reasonOf({ how, stdout, stderr }: Ended): string {
  const error = errorIn(stdout);
  if (error !== undefined) return error;
  const said = [stdout.trim(), stderr.trim()].filter((text) => text !== '').join('; ');
  return said === '' ? `it said nothing: ${how}` : `${said.slice(0, 2000)} (${how})`;
}

function errorIn(stdout: string): string | undefined {
  try {
    const { code, msg, details } = JSON.parse(stdout) as { code?: unknown; msg?: unknown; details?: unknown };
    if (typeof msg !== 'string') return undefined;
    const more = typeof details === 'string' && details !== '' ? `; ${details}` : '';
    return `${msg}${more}${typeof code === 'number' ? ` (code ${code})` : ''}`;
  } catch {
    return undefined;
  }
}

/** In a session of its own, so that what it started goes with it. */
async function run(path: string, call: PluginCall): Promise<Ended> {
  const child = spawn(path, [], {
    cwd: '/',
    detached: true,
    env: environmentOf(call),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const [stdout, stderr] = [new Collected(), new Collected()];
  child.stdout.on('data', (bytes: Buffer) => stdout.add(bytes));
  child.stderr.on('data', (bytes: Buffer) => stderr.add(bytes));
  // One that does not read what it is told says so by its answer.
  child.stdin.on('error', () => {});
  child.stdin.end(JSON.stringify(call.input));
  const ending = Promise.withResolvers<string>();
  child.once('error', (error) => ending.reject(failure(call, messageOf(error))));
  child.once('close', (code, signal) =>
    ending.resolve(signal === null ? `exit code ${code}` : `signal ${signal}`),
  );
  let timedOut = false;
  const stop = (): void => {
    kill(child.pid);
    // What left its session may hold the pipes for as long as it likes.
    child.stdout.destroy();
    child.stderr.destroy();
  };
  const timer = setTimeout(() => {
    timedOut = true;
    stop();
  }, call.timeoutMs);
  call.signal?.addEventListener('abort', stop);
  try {
    const how = await ending.promise;
    return { how, stdout: stdout.text(), stderr: stderr.text(), timedOut };
  } finally {
    clearTimeout(timer);
    call.signal?.removeEventListener('abort', stop);
  }
}

class Collected {
  readonly #parts: Buffer[] = [];
  #bytes = 0;

  add(bytes: Buffer): void {
    this.#bytes += bytes.byteLength;
    if (this.#bytes <= MAX_ANSWER_BYTES) this.#parts.push(bytes);
  }

  text(): string {
    return Buffer.concat(this.#parts).toString('utf8');
  }
}

/** Plugins look for iptables and its like on PATH. */
const environmentOf = ({ command, environment, pluginDirectories }: PluginCall): Record<string, string> => ({
  PATH: process.env['PATH'] ?? '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  CNI_COMMAND: command,
  CNI_PATH: pluginDirectories.join(':'),
  ...environment,
});

function kill(leader: number | undefined): void {
  if (leader === undefined) return;
  try {
    process.kill(-leader, 'SIGKILL');
  } catch {
    // It has ended.
  }
}
