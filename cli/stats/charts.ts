/** The signs of a chart, from nothing to all. */
export interface Signs {
  /** Of columns side by side. */
  readonly heights: readonly string[];
  /** Of the end of a bar; the last one is a full cell. */
  readonly parts: readonly string[];
}

const BLOCKS: Signs = {
  heights: [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'],
  parts: [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'],
};
const LETTERS: Signs = { heights: [' ', '.', ':', '-', '=', '+', '*', '#'], parts: [' ', '#'] };

/** Those that the terminal's character set has, by POSIX's variables in their order. */
export function chooseSigns(env: Readonly<Record<string, string | undefined>>): Signs {
  const locale = [env['LC_ALL'], env['LC_CTYPE'], env['LANG']].find((value) => (value ?? '') !== '') ?? '';
  return /utf-?8/i.test(locale) ? BLOCKS : LETTERS;
}

/** The newest `width` values as columns, the newest at the right end; `most` (or the highest value, if that is more) is a full one. */
export function sparkline(
  values: readonly number[],
  { width, most, signs }: { readonly width: number; readonly most: number; readonly signs: Signs },
): string {
  const shown = values.slice(-width);
  const highest = Math.max(most, ...shown);
  const top = signs.heights.length - 1;
  const columns = shown.map((value) => {
    // Whatever is not nothing is seen.
    const height = value <= 0 || highest <= 0 ? 0 : Math.max(1, Math.round((value / highest) * top));
    return signs.heights[height] ?? '';
  });
  return columns.join('').padStart(width);
}

/** A bar of `width` cells that is full at 1. */
export function bar(
  fraction: number,
  { width, signs }: { readonly width: number; readonly signs: Signs },
): string {
  const steps = signs.parts.length - 1;
  const filled = Math.round(Math.min(Math.max(fraction, 0), 1) * width * steps);
  const whole = Math.floor(filled / steps);
  const rest = signs.parts[filled % steps] ?? '';
  return `${(signs.parts[steps] ?? '').repeat(whole)}${whole === width ? '' : rest}`.padEnd(width);
}
