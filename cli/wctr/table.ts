import { alignColumns } from '../format/table.ts';
import { print } from '../output.ts';

/** Prints rows of tab-terminated cells as ctr's tables: columns `padding` apart. */
export function printTable(
  lines: readonly string[],
  { minimum = 1, padding = 1 }: { readonly minimum?: number; readonly padding?: number } = {},
): void {
  print(`${alignColumns(lines.join('\n'), { minimum, padding })}\n`);
}

const TAB_COLUMNS = 8;

/** The same with tabs between the columns, which are as wide as tab stops; the last cell of a row belongs to no column. */
export function printTabbed(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, column) => {
    const widest = Math.max(...rows.map((row) => row[column]?.length ?? 0)) + 1;
    return Math.ceil(widest / TAB_COLUMNS) * TAB_COLUMNS;
  });
  const cell = (text: string, column: number, isLast: boolean): string =>
    isLast ? text : text + '\t'.repeat(Math.ceil(((widths[column] ?? 0) - text.length) / TAB_COLUMNS));
  const lines = rows.map((row) =>
    row.map((text, column) => cell(text, column, column === row.length - 1)).join(''),
  );
  print(`${lines.join('\n')}\n`);
}

/** `a=b,c=d`, by name. */
export const showLabels = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .toSorted()
    .join(',');

/** Entries in the order of their names, as Go prints a map. */
export const byName = <T>(map: Readonly<Record<string, T>>): [string, T][] =>
  Object.entries(map).toSorted(([a], [b]) => (a < b ? -1 : 1));
