import { messageOf } from '../../common/errors.ts';
import { text } from '../../common/flags/flag.ts';
import { type Client, defineCommand } from '../command.ts';
import { DEFAULT_CONTEXT } from '../connection/docker-directory.ts';
import { findContext } from '../context/describe.ts';
import { listTls, metadataPath, tlsPath } from '../context/store.ts';
import { documentRenderer } from '../format/documents.ts';
import { escapeHtml, indentJson } from '../format/json.ts';
import { print, printError } from '../output.ts';

const IN_MEMORY = '<IN MEMORY>';

export const contextInspect = defineCommand({
  usage: '[OPTIONS] [CONTEXT] [CONTEXT...]',
  flags: { format: text("Print with 'json' or 'TEMPLATE' (Go's templates)", { short: 'f' }) },
  arity: [0],
  run: async ({ flags, args, client }) => {
    const found: object[] = [];
    const failures: string[] = [];
    for (const name of args.length === 0 ? [client.choice.context] : args) {
      try {
        found.push(describe(name, client));
      } catch (error) {
        failures.push(messageOf(error));
      }
    }
    print(render(flags.format, found));
    printError(failures.map((failure) => `${failure}\n`).join(''));
    return failures.length === 0 ? 0 : 1;
  },
});

function render(format: string, found: readonly object[]): string {
  const json = escapeHtml(JSON.stringify(found));
  if (format === '') return `${indentJson(json)}\n`;
  if (format === 'json') return `${json}\n`;
  const one = documentRenderer(format, 'template parsing error: ');
  return found.length === 0 ? '\n' : found.map((context) => `${one(context)}\n`).join('');
}

function describe(name: string, { choice }: Client): object {
  const { Name, Metadata, Endpoints } = findContext(name, choice.defaultHost);
  const isDefault = name === DEFAULT_CONTEXT;
  return {
    Name,
    Metadata,
    Endpoints,
    TLSMaterial: isDefault ? {} : listTls(name),
    Storage: {
      MetadataPath: isDefault ? IN_MEMORY : metadataPath(name),
      TLSPath: isDefault ? IN_MEMORY : tlsPath(name),
    },
  };
}
