import { createReadStream, existsSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { extract } from 'tar-stream';
import { conflict, invalidArgument, messageOf } from '../../common/errors.ts';
import { defineCommand } from '../command.ts';
import {
  checkNewName,
  exists,
  parseContext,
  removeContext,
  writeContext,
  writeTls,
} from '../context/store.ts';
import { print, printError } from '../output.ts';

/** What docker takes at most. */
const MAX_BYTES = 10 << 20;
const TLS_FILE = /^tls\/([\w.-]+)\/([\w.-]+)$/;

export const contextImport = defineCommand({
  usage: 'CONTEXT FILE|-',
  flags: {},
  arity: [2, 2],
  run: async ({ args: [name = '', source = ''] }) => {
    checkNewName(name);
    if (exists(name)) throw conflict(`context "${name}" already exists`);
    if (source !== '-' && !existsSync(source)) {
      throw invalidArgument(`open ${source}: no such file or directory`);
    }
    const files = await readArchive(source === '-' ? process.stdin : createReadStream(source));
    const metadata = files.get('meta.json');
    if (metadata === undefined) throw invalidArgument('invalid context: no metadata found');
    const context = parseContext(metadata.toString(), 'meta.json');
    try {
      for (const [endpoint, material] of tlsOf(files)) writeTls(name, endpoint, material);
      writeContext({ ...context, Name: name });
    } catch (error) {
      removeContext(name);
      throw error;
    }
    print(`${name}\n`);
    printError(`Successfully imported context "${name}"\n`);
    return 0;
  },
});

/** Names are checked before they become paths; what is none of a context's is refused. */
async function readArchive(source: Readable): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  let sizeBytes = 0;
  try {
    for await (const entry of source.pipe(extract())) {
      const { name, type, size } = entry.header;
      sizeBytes += size;
      if (sizeBytes > MAX_BYTES) throw invalidArgument('the archive is larger than a context can be');
      if (type !== 'file') {
        entry.resume();
        continue;
      }
      if ((name !== 'meta.json' && !TLS_FILE.test(name)) || name.includes('..')) {
        throw invalidArgument(`invalid context: unexpected context file ${JSON.stringify(name)}`);
      }
      files.set(name, await buffer(entry));
    }
  } catch (error) {
    throw invalidArgument(`Cannot read the context: ${messageOf(error)}`, { cause: error });
  }
  return files;
}

function tlsOf(files: ReadonlyMap<string, Buffer>): Map<string, Record<string, Buffer>> {
  const endpoints = new Map<string, Record<string, Buffer>>();
  for (const [path, pem] of files) {
    const [, endpoint = '', file = ''] = TLS_FILE.exec(path) ?? [];
    if (endpoint !== '') endpoints.set(endpoint, { ...endpoints.get(endpoint), [file]: pem });
  }
  return endpoints;
}
