/** What Go's text/template takes for false: zero, empty, nil. */
export function isTrue(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0;
  return Boolean(value);
}

/** How Go prints a value with `%v`: `[a b]`, `map[k:v]`, `<no value>`. */
export function display(value: unknown): string {
  if (value === undefined) return '<no value>';
  if (value === null) return '<nil>';
  if (Array.isArray(value)) return `[${value.map((item) => display(item)).join(' ')}]`;
  if (typeof value === 'object') {
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `map[${entries.map(([key, item]) => `${key}:${display(item)}`).join(' ')}]`;
  }
  return `${value as string | number | bigint | boolean}`;
}

/** Go's `Printf` as far as formats use it: `%s %d %v %q %t %x %f` with flags, width and precision. */
export function sprintf(format: string, values: readonly unknown[]): string {
  let next = 0;
  const text = format.replace(/%([-+0# ]*)(\d*)(?:\.(\d+))?([a-zA-Z%])/g, (...match: string[]) => {
    const [, flags = '', width = '', precision, verb = ''] = match;
    if (verb === '%') return '%';
    if (next >= values.length) return `%!${verb}(MISSING)`;
    const shown = showVerb(verb, values[next++], precision);
    if (flags.includes('-')) return shown.padEnd(Number(width));
    return shown.padStart(Number(width), flags.includes('0') && verb !== 's' ? '0' : ' ');
  });
  return next < values.length ? `${text}%!(EXTRA ${values.slice(next).map(typed).join(', ')})` : text;
}

/** As Go tells of a value that no verb took: `string=b`. */
function typed(value: unknown): string {
  const types: Readonly<Record<string, string>> = { string: 'string', boolean: 'bool', bigint: 'int64' };
  if (value === null || value === undefined) return '<nil>';
  const name =
    typeof value === 'number' ? (Number.isInteger(value) ? 'int' : 'float64') : types[typeof value];
  return name === undefined ? display(value) : `${name}=${display(value)}`;
}

function showVerb(verb: string, value: unknown, precision: string | undefined): string {
  if (verb === 'q') return goQuote(display(value));
  if (verb === 'f') return Number(value).toFixed(Number(precision ?? 6));
  if (verb === 'x' && typeof value === 'number') return value.toString(16);
  if (verb === 'x') return Buffer.from(display(value)).toString('hex');
  const shown = display(value);
  return verb === 's' && precision !== undefined ? shown.slice(0, Number(precision)) : shown;
}

/** A text as a Go string literal: JSON's form but for a few escapes. */
export function goQuote(text: string): string {
  return JSON.stringify(text)
    .replace(/\\u00([01][\da-f]|7f)/g, (_, code: string) =>
      code === '07' ? '\\a' : code === '0b' ? '\\v' : `\\x${code}`,
    )
    .replaceAll('\x7f', '\\x7f');
}
