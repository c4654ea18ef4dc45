import { mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { arch } from 'node:process';
import { join } from 'node:path';
import { at } from '../lib/paths.ts';
import { run } from '../lib/run.ts';
import { isCurrent, remember } from './stamp.ts';

const WARNINGS = ['-std=gnu11', '-Wall', '-Wextra', '-Werror'];

/** The library lives in Node's process, so it links to the host's libc; koffi loads it. */
const LIBRARY = ['gcc', ...WARNINGS, '-O2', '-fPIC', '-shared', '-fvisibility=default', '-Wl,-z,now'];

/**
 * A program runs in a container's half-made namespaces, so it is static; musl keeps it small. The kernel's headers come
 * after musl's own, which bring none.
 */
const PROGRAM = ['musl-gcc', ...WARNINGS, '-Os', '-static', '-s', '-ffunction-sections', '-fdata-sections'];
const PROGRAM_LINK = ['-Wl,--gc-sections', '-Wl,-z,noseparate-code'];
const KERNEL_HEADERS = [
  `-idirafter/usr/include/${arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`,
  '-idirafter/usr/include',
];

/** Compiles the targets of native/c/sources.json whose sources changed; returns the files that were made. */
export async function buildNative(): Promise<string[]> {
  const targets = JSON.parse(readFileSync(at('native/c/sources.json'), 'utf8')) as Record<string, string[]>;
  mkdirSync(at('build/native'), { recursive: true });
  const made = await Promise.all(Object.entries(targets).map(([name, sources]) => compile(name, sources)));
  return made.flat();
}

async function compile(name: string, sources: readonly string[]): Promise<string[]> {
  const output = at('build/native', name);
  // Renamed when complete: a daemon that runs has the old one mapped.
  const partial = `${output}.${process.pid}`;
  const paths = sources.map((source) => at('native/c', source));
  const command = name.endsWith('.so')
    ? [...LIBRARY, '-o', partial, ...paths]
    : [...PROGRAM, ...KERNEL_HEADERS, '-o', partial, ...paths, ...PROGRAM_LINK];
  const recipe = command.join(' ').replace(partial, output);
  if (isCurrent(name, recipe)) return [];
  const [compiler = 'gcc', ...args] = command;
  await run(compiler, ...args);
  renameSync(partial, output);
  remember(name, { recipe, inputs: [...paths, ...headers()], outputs: [output] });
  return [output];
}

function headers(): string[] {
  const directory = at('native/c');
  return readdirSync(directory)
    .filter((file) => file.endsWith('.h'))
    .map((file) => join(directory, file));
}
