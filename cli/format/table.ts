/**
 * Aligns columns as Go's tabwriter does with docker's settings: cells end at tabs, a column is as wide as its widest cell
 * plus `padding`, at least `minimum`; text behind a line's last tab belongs to no column.
 */
export function alignColumns(
  text: string,
  { minimum, padding }: { minimum: number; padding: number },
): string {
  const lines = text.split('\n').map((line) => line.split('\t'));
  const widths = new Map<string, number>();
  alignBlock(lines, widths, { minimum, padding });
  return lines
    .map((cells, row) =>
      cells
        .map((cell, column) =>
          column === cells.length - 1 ? cell : cell + ' '.repeat(gap(widths, row, column, cell)),
        )
        .join(''),
    )
    .join('\n');
}

const gap = (...[widths, row, column, cell]: [Map<string, number>, number, number, string]): number =>
  Math.max(0, (widths.get(`${row},${column}`) ?? 0) - width(cell));

/** A column is a run of lines that all have a cell there that a tab ends. */
function alignBlock(
  lines: readonly (readonly string[])[],
  widths: Map<string, number>,
  { minimum, padding }: { minimum: number; padding: number },
): void {
  const columns = Math.max(...lines.map((cells) => cells.length));
  for (let column = 0; column < columns - 1; column += 1) {
    for (let row = 0; row < lines.length;) {
      let end = row;
      while (end < lines.length && (lines[end]?.length ?? 0) > column + 1) end += 1;
      const cells = lines.slice(row, end).map((line) => width(line[column] ?? ''));
      const widest = Math.max(0, ...cells);
      // A column of empty cells takes no room.
      const full = widest === 0 ? 0 : Math.max(minimum, widest + padding);
      for (let line = row; line < end; line += 1) widths.set(`${line},${column}`, full);
      row = Math.max(end, row + 1);
    }
  }
}

const width = (text: string): number => Array.from(text).length;
