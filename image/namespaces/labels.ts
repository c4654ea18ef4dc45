import { malformed } from './errors.ts';

export type Labels = Readonly<Record<string, string>>;

const MAX_BYTES = 4096;
const SHOWN_KEY_BYTES = 10;

/** Throws `invalid-argument` for a label that is too long; `owner` is whose it is: `namespace.Labels`. */
export function checkLabels(owner: string, labels: Labels): void {
  for (const [key, value] of Object.entries(labels)) {
    const length = Buffer.byteLength(key) + Buffer.byteLength(value);
    if (length <= MAX_BYTES) continue;
    const shown = key.slice(0, SHOWN_KEY_BYTES);
    throw malformed(
      `${owner}: label key and value greater than maximum size (${MAX_BYTES} bytes), key: ${shown}`,
    );
  }
}

/** Those that have a value: an empty one stands for none. */
export const setLabels = (labels: Labels): Labels =>
  Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== ''));

/**
 * The labels that an update by field mask makes: `asked` whole for the path `labels` or without a mask, one of them for `labels.KEY`.
 * `owner` is whose they are: `snapshot "x"`. Throws `invalid-argument` for another path.
 */
export function maskedLabels(
  present: Labels,
  {
    asked,
    paths,
    owner,
  }: { readonly asked: Labels; readonly paths: readonly string[]; readonly owner: string },
): Labels {
  if (paths.length === 0) return asked;
  return paths.reduce((labels: Labels, path) => {
    if (path === 'labels') return asked;
    if (!path.startsWith('labels.')) throw malformed(`cannot update "${path}" field on ${owner}`);
    const key = path.slice('labels.'.length);
    return { ...labels, [key]: asked[key] ?? '' };
  }, present);
}

/** `labels` with those of `change`; an empty value drops its label. */
export const changeLabels = (labels: Labels, change: Labels): Labels => setLabels({ ...labels, ...change });
