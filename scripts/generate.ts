import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { env } from 'node:process';
import { at } from './lib/paths.ts';
import { run } from './lib/run.ts';

/** Writes the TypeScript of the .proto files; with --check it only says whether what is committed is what they make. */
const source = at('daemon/api/containerd');
env['PATH'] = `${at('node_modules/.bin')}:${env['PATH'] ?? ''}`;

if (process.argv.includes('--check')) await check();
else await generate(source);

async function generate(output: string): Promise<void> {
  const template = ['--template', join(source, 'buf.gen.yaml'), '--output', output];
  await run(at('node_modules/.bin/buf'), 'generate', source, ...template);
}

async function check(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'wherry-gen-'));
  try {
    await generate(directory);
    const [wanted, present] = await Promise.all(
      [directory, source].map((root) => contents(join(root, 'gen'))),
    );
    if (JSON.stringify(wanted) === JSON.stringify(present)) return;
    console.error('daemon/api/containerd/gen is not what its .proto files make: run make generate');
    process.exitCode = 1;
  } finally {
    await rm(directory, { recursive: true });
  }
}

async function contents(root: string): Promise<[string, string][]> {
  const names = (await readdir(root, { recursive: true })).filter((name) => name.endsWith('.ts')).toSorted();
  return Promise.all(
    names.map(async (name): Promise<[string, string]> => [name, await readFile(join(root, name), 'utf8')]),
  );
}
