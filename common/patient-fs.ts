import * as fs from 'node:fs/promises';
import { WherryError } from './errors.ts';

/**
 * Calls of the file system that don't wait for ever. Node runs them in a few threads of the process; a mount that never answers keeps
 * each that asks it, and with the last one every file of everybody. So these have two places a directory, of the eight threads that the
 * daemon has (scripts/build/launchers.ts), and a deadline: what is late fails with the path, and its place is free again when the kernel
 * answers.
 */

const PLACES = 2;
const CHUNK_BYTES = 256 * 1024;

class Gate {
  static patienceMs = 120_000;
  #free = PLACES;
  readonly #waiting: (() => void)[] = [];

  async run<T>(path: string, act: () => Promise<T>): Promise<T> {
    if (this.#free === 0) await this.#turn(path);
    else this.#free -= 1;
    const result = act();
    result.then(
      () => this.#leave(),
      () => this.#leave(),
    );
    return this.#within(path, result);
  }

  async #turn(path: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    try {
      await this.#within(path, promise);
    } catch (error) {
      const place = this.#waiting.indexOf(resolve);
      if (place === -1) this.#leave();
      else this.#waiting.splice(place, 1);
      throw error;
    }
  }

  /** The place goes to the next in line. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }

  async #within<T>(path: string, result: Promise<T>): Promise<T> {
    const { promise, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(doesNotAnswer(path, Gate.patienceMs)), Gate.patienceMs);
    try {
      return await Promise.race([result, promise]);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Directories that may lie on storage of their own, and everything else. Of the process, as the threads are. */
const gates = new Map<string, Gate>();
const other = new Gate();

/** From here on what is below `directory` waits for nobody else, and nobody for it. */
export function setApart(directory: string): void {
  if (!gates.has(directory)) gates.set(directory, new Gate());
}

function run<T>(path: string, act: () => Promise<T>): Promise<T> {
  const own = [...gates].find(([directory]) => path.startsWith(`${directory}/`));
  return (own?.[1] ?? other).run(path, act);
}

/** How long all of them wait; two minutes unless told. */
export function setPatience(timeoutMs: number): void {
  Gate.patienceMs = timeoutMs;
}

/** `deadline-exceeded`, for storage that hangs at `path`. */
export const doesNotAnswer = (path: string, afterMs: number): WherryError =>
  new WherryError('deadline-exceeded', `The storage at "${path}" has not answered for ${afterMs / 1000} s`);

const shown = (path: unknown): string => String(path);

/** Any other call, or some in a row. */
export const patiently = <T>(path: string, act: () => Promise<T>): Promise<T> => run(path, act);

/** `node:fs/promises`' calls of the same names. */
export const mkdir = ((path, options) => run(shown(path), () => fs.mkdir(path, options))) as typeof fs.mkdir;
export const readdir = (path: string): Promise<string[]> => run(path, () => fs.readdir(path));
export const rename = (from: string, to: string): Promise<void> => run(from, () => fs.rename(from, to));
export const rm: typeof fs.rm = (path, options) => run(shown(path), () => fs.rm(path, options));
export const rmdir = (path: string): Promise<void> => run(path, () => fs.rmdir(path));
export const chmod = (path: string, mode: number): Promise<void> => run(path, () => fs.chmod(path, mode));
export const chown = (path: string, uid: number, gid: number): Promise<void> =>
  run(path, () => fs.chown(path, uid, gid));
export const access = (path: string): Promise<void> => run(path, () => fs.access(path));
export const stat = ((path, options) => run(shown(path), () => fs.stat(path, options))) as typeof fs.stat;
export function readFile(path: string): Promise<Buffer>;
export function readFile(path: string, encoding: 'utf8'): Promise<string>;
export function readFile(path: string, encoding?: 'utf8'): Promise<string | Buffer> {
  return run<string | Buffer>(path, () => fs.readFile(path, encoding ?? null));
}
export const writeFile: typeof fs.writeFile = (path, data, options) =>
  run(shown(path), () => fs.writeFile(path, data, options));

/** The bytes of a file from `start` on. */
export async function* readChunks(path: string, start = 0): AsyncGenerator<Uint8Array> {
  const file = await run(path, () => fs.open(path));
  try {
    for (let at = start; ;) {
      const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
      const { bytesRead } = await run(path, () => file.read(chunk, 0, CHUNK_BYTES, at));
      if (bytesRead === 0) return;
      at += bytesRead;
      yield chunk.subarray(0, bytesRead);
    }
  } finally {
    // One that hangs is closed when the kernel answers.
    void file.close().catch(() => {});
  }
}

/** Waits until a file, or a directory's names, are on the disk. */
export const syncToDisk = (path: string): Promise<void> =>
  patiently(path, async () => {
    await using file = await fs.open(path, 'r');
    await file.sync();
  });
