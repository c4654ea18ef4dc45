import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { env, geteuid, pid } from 'node:process';
import { fileURLToPath } from 'node:url';
import type { CompiledSeccomp } from '../contract.ts';
import { stringifyExact } from '../exact-json.ts';
import type { Seccomp } from '../spec.ts';
import { compileSeccomp } from './seccomp.ts';

/** A file for each of so many values of the profile's hash: the directory does not grow. */
const FILES = 64;
const HEADER_BYTES = 8;

/**
 * Compiles a profile, or takes what an earlier command compiled: compiling docker's costs a command as much as starting it does.
 * A cached filter counts only in a directory that nobody but its user may enter, and only if it was made by this very program
 * from this very profile, which lies beside it whole. The directory is made, its parent is not. Without such a directory, and where it can't be written, it just compiles.
 * `madeBy` tells one build of the program from another; undefined: nothing is cached. Throws what `compileSeccomp` throws.
 */
export function compileCached(
  profile: Seccomp,
  directory: string,
  madeBy: string | undefined = thisProgram(),
): CompiledSeccomp {
  if (madeBy === undefined) return compileSeccomp(profile);
  const key = Buffer.from(`${madeBy} ${process.arch} ${stringifyExact(profile)}`);
  const file = join(directory, `${hash(key) % FILES}.bpf`);
  const isPrivate = isOurs(directory);
  const known = isPrivate ? read(file, key) : undefined;
  if (known !== undefined) return known;
  const fresh = compileSeccomp(profile);
  write(directory, file, encode(key, fresh));
  return fresh;
}

/** Where commands keep them: among what a restart of the host takes away. */
export const seccompCache = (): string =>
  geteuid?.() === 0 ? '/run/wherry-seccomp' : `${env['XDG_RUNTIME_DIR'] ?? '/nonexistent'}/wherry-seccomp`;

/** Its flags, the length of its key, the key, the instructions. */
function encode(key: Buffer, { flags, program }: CompiledSeccomp): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32LE(flags, 0);
  header.writeUInt32LE(key.byteLength, 4);
  return Buffer.concat([header, key, program]);
}

function read(file: string, key: Buffer): CompiledSeccomp | undefined {
  const bytes = attempt(() => readFileSync(file));
  if (bytes === undefined || bytes.byteLength <= HEADER_BYTES + key.byteLength) return undefined;
  const end = HEADER_BYTES + bytes.readUInt32LE(4);
  if (!bytes.subarray(HEADER_BYTES, end).equals(key) || (bytes.byteLength - end) % 8 !== 0) return undefined;
  return { flags: bytes.readUInt32LE(0), program: new Uint8Array(bytes.subarray(end)) };
}

/** Whole or not at all. That it can't be written is no failure: the next command compiles again. */
function write(directory: string, file: string, bytes: Buffer): void {
  attempt(() => {
    attempt(() => mkdirSync(directory, { mode: 0o700 }));
    if (!isOurs(directory)) return;
    const partial = `${file}.${pid}`;
    writeFileSync(partial, bytes, { mode: 0o600 });
    renameSync(partial, file);
  });
}

/** A directory of this user, no link, that no one else may enter. */
function isOurs(directory: string): boolean {
  const fd = attempt(() =>
    openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW),
  );
  if (fd === undefined) return false;
  try {
    const { uid, mode } = fstatSync(fd);
    return uid === geteuid?.() && (mode & 0o077) === 0;
  } finally {
    closeSync(fd);
  }
}

/** FNV-1a of 32 bits: names a file, and proves nothing. */
function hash(bytes: Uint8Array): number {
  let value = 0x811c_9dc5;
  for (const byte of bytes) value = Math.imul(value ^ byte, 0x0100_0193);
  return value >>> 0;
}

/** The bundle; run from its sources, a program has no one file that tells its state. */
function thisProgram(): string | undefined {
  const file = fileURLToPath(import.meta.url);
  if (file.endsWith('.ts')) return undefined;
  const { mtimeMs, size, ino } = statSync(file);
  return `${mtimeMs} ${size} ${ino}`;
}

function attempt<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch {
    return undefined;
  }
}
