import { list } from '../../common/flags/flag.ts';

/** `--filter name=value`, as many as wanted. */
export const filterFlag = list('Show only what meets a condition', {
  short: 'f',
  type: 'filter',
  check: (given) => {
    const cut = given.indexOf('=');
    if (cut < 0) throw new Error('bad format of filter (expected name=value)');
    return `${given.slice(0, cut).trim().toLowerCase()}=${given.slice(cut + 1).trim()}`;
  },
});

const { short: _short, ...withoutLetter } = filterFlag;
/** The same where `-f` means force. */
export const pruneFilterFlag = withoutLetter;

/** The API's form of filters: a map from name to a set of values. Undefined without any. */
export function filtersQuery(filters: readonly string[]): string | undefined {
  if (filters.length === 0) return undefined;
  const map: Record<string, Record<string, true>> = {};
  for (const filter of filters) {
    const cut = filter.indexOf('=');
    (map[filter.slice(0, cut)] ??= {})[filter.slice(cut + 1)] = true;
  }
  return JSON.stringify(map);
}
