/** What a registry wants of a client (RFC 9110, section 11.6.1; docker's token authentication). */
export type Challenge =
  | { readonly scheme: 'basic' }
  | { readonly scheme: 'bearer'; readonly realm: string; readonly service: string; readonly scope: string };

const SCHEME = /(?:^|,)\s*(basic|bearer)(?:\s+|$)/gi;
const PARAMETER = /([a-z_]+)\s*=\s*(?:"((?:\\.|[^"\\])*)"|([^\s,"]+))/gi;

/** Reads `WWW-Authenticate`: the bearer challenge where there is one, else basic; undefined for neither. */
export function parseChallenge(header: string | undefined): Challenge | undefined {
  const text = header ?? '';
  const schemes = [...text.matchAll(SCHEME)];
  const parts = schemes.map((match, index) => ({
    scheme: (match[1] ?? '').toLowerCase(),
    text: text.slice(match.index + match[0].length, schemes[index + 1]?.index ?? text.length),
  }));
  const bearer = parts.find(({ scheme }) => scheme === 'bearer');
  if (bearer !== undefined) {
    const parameters = new Map(
      [...bearer.text.matchAll(PARAMETER)].map(([, key = '', quoted, bare]) => [
        key.toLowerCase(),
        quoted?.replaceAll(/\\(.)/g, '$1') ?? bare ?? '',
      ]),
    );
    const of = (key: string): string => parameters.get(key) ?? '';
    return { scheme: 'bearer', realm: of('realm'), service: of('service'), scope: of('scope') };
  }
  return parts.some(({ scheme }) => scheme === 'basic') ? { scheme: 'basic' } : undefined;
}
