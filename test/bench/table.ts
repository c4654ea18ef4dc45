export interface Row {
  readonly what: string;
  readonly unit: 'ms' | 'KiB' | '1/s' | 'MB/s' | 'rules' | 'starts';
  readonly ours: number;
  readonly theirs: number;
  /** They were given up after so long. */
  readonly gaveUp?: boolean;
  /** Of ours to theirs: at most this, or at least where more is better. Undefined: only shown. */
  readonly budget: number | undefined;
  readonly better: 'less' | 'more';
  /** Of ours alone: at most this. */
  readonly limit?: number;
}

const format = (value: number): string =>
  Number.isInteger(value) || value >= 100
    ? value.toFixed(0)
    : value >= 10
      ? value.toFixed(1)
      : value >= 0.01
        ? value.toFixed(2)
        : value.toFixed(4);

const isMet = (row: Row): boolean => {
  if (row.limit !== undefined && row.ours > row.limit) return false;
  const ratio = row.ours / row.theirs;
  if (row.budget === undefined) return true;
  return row.better === 'less' ? ratio <= row.budget : ratio >= row.budget;
};

const budgetOf = (row: Row): string =>
  [
    ...(row.limit === undefined ? [] : [`<= ${row.limit} ${row.unit}`]),
    ...(row.budget === undefined ? [] : [`${row.better === 'less' ? '<=' : '>='} ${row.budget}`]),
  ].join(', ');

export function tableOf(rows: readonly Row[]): string {
  const cells = rows.map((row) => [
    row.what,
    `${format(row.ours)} ${row.unit}`,
    `${row.gaveUp === true ? '> ' : ''}${format(row.theirs)} ${row.unit}`,
    row.theirs === 0 ? '' : `${row.gaveUp === true ? '< ' : ''}${format(row.ours / row.theirs)}`,
    budgetOf(row),
    budgetOf(row) === '' ? '' : isMet(row) ? 'ok' : 'MISSED',
  ]);
  const table = [['', 'wherry', 'dockerd', 'ratio', 'budget', ''], ...cells];
  const widths =
    table[0]?.map((_, column) => Math.max(...table.map((line) => line[column]?.length ?? 0))) ?? [];
  const lines = table.map((line) =>
    line.map((cell, column) =>
      column === 0 || column === 5 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
    ),
  );
  return lines.map((cells) => cells.join('  ').trimEnd()).join('\n');
}
