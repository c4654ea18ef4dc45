import { createWriteStream, existsSync, rmSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { pack } from 'tar-stream';
import { invalidArgument } from '../../common/errors.ts';
import { defineCommand } from '../command.ts';
import { findContext } from '../context/describe.ts';
import { listTls, readTls } from '../context/store.ts';
import { printError } from '../output.ts';

/** A tar as docker makes it: `meta.json`, and `tls/<endpoint>/<file>`. Keys are in it: the file is its owner's alone. */
export const contextExport = defineCommand({
  usage: '[OPTIONS] CONTEXT [FILE|-]',
  flags: {},
  arity: [1, 2],
  run: async ({ args: [name = '', target = `${name}.dockercontext`], client: { choice } }) => {
    const context = findContext(name, choice.defaultHost);
    if (target === '-') {
      if (process.stdout.isTTY) {
        throw invalidArgument('cowardly refusing to export to a terminal, specify a file path');
      }
      await pipeline(archiveOf(name, JSON.stringify(context)), process.stdout);
      return 0;
    }
    if (existsSync(target)) throw invalidArgument(`open ${target}: file exists`);
    try {
      const file = createWriteStream(target, { flags: 'wx', mode: 0o600 });
      await pipeline(archiveOf(name, JSON.stringify(context)), file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') rmSync(target, { force: true });
      throw error;
    }
    printError(`Written file "${target}"\n`);
    return 0;
  },
});

function archiveOf(name: string, metadata: string): ReturnType<typeof pack> {
  const archive = pack();
  const mtime = new Date(0);
  archive.entry({ name: 'meta.json', mode: 0o644, mtime }, metadata);
  archive.entry({ name: 'tls', type: 'directory', mode: 0o700, mtime });
  for (const endpoint of Object.keys(listTls(name))) {
    archive.entry({ name: `tls/${endpoint}`, type: 'directory', mode: 0o700, mtime });
    for (const [file, pem] of Object.entries(readTls(name, endpoint))) {
      archive.entry({ name: `tls/${endpoint}/${file}`, mode: 0o600, mtime }, pem);
    }
  }
  archive.finalize();
  return archive;
}
