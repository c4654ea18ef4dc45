import { invalidArgument, messageOf } from '../../common/errors.ts';
import { escapeHtml } from './json.ts';
import { alignColumns } from './table.ts';
import { headerFunctions } from './template/functions.ts';
import { compileTemplate } from './template/template.ts';

/** Fields of a row of a list; a function is a field that takes arguments, such as `{{.Label "x"}}`. */
export type Row = Readonly<Record<string, unknown>>;

export interface Listing {
  /** `--format`, or the command's own. */
  readonly format: string;
  readonly headers: Row;
  readonly rows: readonly Row[];
}

/** The text of a list in docker's formats: `table ...`, `json`, or a template for each row. */
export function renderListing({ format, headers, rows }: Listing): string {
  const isTable = format.startsWith('table');
  const source = format === 'json' ? '{{json .}}' : isTable ? format.slice('table'.length) : format;
  const template = compile(
    source
      .replace(/^ +| +$/g, '')
      .replaceAll('\\t', '\t')
      .replaceAll('\\n', '\n'),
  );
  const lines = rows.map((row) => `${execute(() => template({ value: row }))}\n`).join('');
  if (rows.length === 0) execute(() => checkFields(() => template({ value: headers })));
  if (!isTable) return format === 'json' ? escapeHtml(lines) : lines;
  const heading = template({ value: headers, functions: headerFunctions });
  return alignColumns(`${heading}\n${lines}`, { minimum: 10, padding: 3 });
}

/** Tells of an unknown field also when there is no row that lacks it. Headings can't stand in for more than the names. */
function checkFields(render: () => string): string {
  try {
    return render();
  } catch (error) {
    if (messageOf(error).includes("can't evaluate field")) throw error;
    return '';
  }
}

function compile(source: string): ReturnType<typeof compileTemplate> {
  try {
    return compileTemplate(source);
  } catch (error) {
    throw invalidArgument(`failed to parse template: ${messageOf(error)}`, { cause: error });
  }
}

function execute(render: () => string): string {
  try {
    return render();
  } catch (error) {
    throw invalidArgument(`failed to execute template: ${messageOf(error)}`, { cause: error });
  }
}

/** The format that a list uses, from `--format` and `--quiet`. */
export function chooseFormat(given: string, quiet: boolean, table: string): string {
  if (given === '' || given === 'table') return quiet ? '{{.ID}}' : table;
  return given;
}
