/** JSON as Go's encoder indents it for ctr, with a line's end. */
export const goJson = (value: unknown): string => `${escaped(JSON.stringify(value, undefined, 4))}\n`;

/** The same on one line, without its end. */
export const compactJson = (value: unknown): string => escaped(JSON.stringify(value));

/** Go's encoder writes these three so that they can stand in HTML. */
const escaped = (text: string): string =>
  text.replace(/[<>&]/g, (each) => `\\u00${each.charCodeAt(0).toString(16)}`);
