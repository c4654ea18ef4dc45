import type { Flag, Flags } from './flag.ts';

/** What pflag keeps free at a line's end before it breaks it. */
const SLOP = 5;
/** A text column narrower than this is not wrapped. */
const NARROWEST = 24;

/** Help is wrapped one column before the terminal's edge. */
export const helpColumns = (): number => (process.stdout.columns || 80) - 1;

/** A help page of those parts that there are. */
export const helpPage = (parts: readonly string[]): string =>
  `${parts.filter((part) => part !== '').join('\n\n')}\n`;

/** The `Options:` of a help page in docker's layout, `columns` wide, without the heading. */
export function renderFlags(flags: Flags, columns: number): string {
  const shown = Object.entries(flags)
    .filter(([, flag]) => flag.hidden !== true)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, flag]) => ({ head: headOf(name, flag), text: textOf(flag) }));
  const indent = Math.max(...shown.map(({ head }) => head.length)) + 3;
  return shown.map(({ head, text }) => head.padEnd(indent) + wrap(text, indent, columns)).join('\n');
}

function headOf(name: string, flag: Flag<unknown>): string {
  const dash = flag.short === undefined ? `      --${name}` : `  -${flag.short}, --${name}`;
  return flag.type === '' ? dash : `${dash} ${flag.type}`;
}

const textOf = (flag: Flag<unknown>): string =>
  flag.shown === undefined ? flag.help : `${flag.help} (default ${flag.shown})`;

function wrap(text: string, indent: number, columns: number): string {
  const width = columns - indent - SLOP;
  if (width + SLOP < NARROWEST) return text;
  const lines: string[] = [];
  let rest = text;
  while (rest !== '') {
    const end = lineEnd(rest, width);
    lines.push(rest.slice(0, end));
    rest = rest.slice(end + 1);
  }
  return lines.join(`\n${' '.repeat(indent)}`);
}

function lineEnd(text: string, width: number): number {
  const newline = text.indexOf('\n');
  if (newline >= 0 && newline < width) return newline;
  if (text.length < width + SLOP) return newline < 0 ? text.length : newline;
  const blank = text.lastIndexOf(' ', width - 1);
  return blank <= 0 ? text.length : blank;
}
