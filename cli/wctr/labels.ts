/** Reads `name=value` words as labels; a name alone stands for `true`. An empty value clears a label where labels are set. */
export function readLabels(words: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    words.map((word) => {
      const cut = word.indexOf('=');
      return cut < 0 ? [word, 'true'] : [word.slice(0, cut), word.slice(cut + 1)];
    }),
  );
}

/** What is made by hand is kept by hand: a root of the garbage collection. */
export const rootLabel = (): Record<string, string> => ({
  'containerd.io/gc.root': new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
});

/** Paths of an update of these labels and nothing else. */
export const labelPaths = (labels: Readonly<Record<string, string>>): string[] =>
  Object.keys(labels).map((name) => `labels.${name}`);
