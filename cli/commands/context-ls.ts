import { messageOf } from '../../common/errors.ts';
import { bool, text } from '../../common/flags/flag.ts';
import { defineCommand } from '../command.ts';
import type { Choice } from '../connection/choose.ts';
import { defaultContext, descriptionOf } from '../context/describe.ts';
import { type Context, exists, listContexts, readContext } from '../context/store.ts';
import { renderListing, type Row } from '../format/listing.ts';
import { ellipsis } from '../format/units.ts';
import { print, printError } from '../output.ts';
import { hostVariable } from '../context/overridden.ts';

const TABLE = 'table {{.Name}}{{if .Current}} *{{end}}\t{{.Description}}\t{{.DockerEndpoint}}\t{{.Error}}';
const ERROR_LENGTH = 45;
const HEADERS = {
  Name: 'NAME',
  Current: '',
  Description: 'DESCRIPTION',
  DockerEndpoint: 'DOCKER ENDPOINT',
  Error: 'ERROR',
};

export const contextLs = defineCommand({
  usage: '[OPTIONS]',
  flags: {
    format: text("Print with 'table', 'table TEMPLATE', 'json' or 'TEMPLATE' (Go's templates)"),
    quiet: bool('Only show names', { short: 'q' }),
  },
  arity: [0, 0],
  run: async ({ flags, client: { choice } }) => {
    const rows = rowsOf(choice);
    const isDefault = flags.format === '' || flags.format === 'table';
    const format = isDefault ? TABLE : flags.format;
    print(flags.quiet ? rows.map(({ Name }) => `${String(Name)}\n`).join('') : table(format, rows));
    const overriding = hostVariable();
    if (overriding !== undefined) {
      printError(
        `Warning: ${overriding} environment variable overrides the active context. To use a context, either set the global --context flag, or unset ${overriding} environment variable.\n`,
      );
    }
    return 0;
  },
});

const table = (format: string, rows: readonly Row[]): string =>
  renderListing({ format, headers: HEADERS, rows });

/** One that is in use without being there is shown with the reason. */
function rowsOf(choice: Choice): Row[] {
  const contexts = [defaultContext(choice.defaultHost), ...listContexts()];
  const rows = contexts.map((context) => rowOf(context, choice.context));
  const isKnown = contexts.some(({ Name }) => Name === choice.context) || exists(choice.context);
  if (!isKnown) {
    rows.push({
      Name: choice.context,
      Current: true,
      Description: '',
      DockerEndpoint: '',
      Error: ellipsis(whyMissing(choice.context), ERROR_LENGTH),
    });
  }
  return rows.toSorted((a, b) => (String(a['Name']) < String(b['Name']) ? -1 : 1));
}

const rowOf = (context: Context, current: string): Row => ({
  Current: context.Name === current,
  Description: descriptionOf(context),
  DockerEndpoint: context.Endpoints['docker']?.Host ?? '',
  Error: '',
  Name: context.Name,
});

function whyMissing(name: string): string {
  try {
    readContext(name);
    return '';
  } catch (error) {
    return messageOf(error);
  }
}
