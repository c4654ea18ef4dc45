import { invalidArgument } from '../common/errors.ts';
import { isDigest, type Digest } from './digest.ts';

/**
 * The name of an image, in docker's grammar (https://pkg.go.dev/github.com/distribution/reference). `name` is complete:
 * `docker.io/library/busybox`.
 */
export interface Reference {
  readonly name: string;
  readonly tag: string | undefined;
  readonly digest: Digest | undefined;
}

const DEFAULT_DOMAIN = 'docker.io';
const LEGACY_DOMAIN = 'index.docker.io';
const OFFICIAL = 'library/';
const MAX_PATH = 255;
/** No valid reference is longer; it also bounds the work of the expressions below. */
const MAX_TEXT = 1024;

const LABEL = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const HOST = String.raw`(?:${LABEL}(?:\.${LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?`;
const COMPONENT = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const PATH = `${COMPONENT}(?:/${COMPONENT})*`;
const TAG = String.raw`[\w][\w.-]{0,127}`;
const DIGEST = '[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}';
const WHOLE = new RegExp(`^(${HOST})/(${PATH})(?::(${TAG}))?(?:@(${DIGEST}))?$`);
const HEX_ID = /^[0-9a-f]{64}$/;

/** Reads `name[:tag][@digest]`, short or complete. Throws `invalid-argument` in docker's words. */
export function parseReference(text: string): Reference {
  if (HEX_ID.test(text)) {
    throw invalidArgument(`invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`);
  }
  if (text.length > MAX_TEXT) throw invalidArgument('invalid reference format');
  const [domain, remainder] = splitDomain(text);
  const remote = remainder.split(':', 1)[0] ?? '';
  if (remote.toLowerCase() !== remote) {
    throw invalidArgument(`invalid reference format: repository name (${remote}) must be lowercase`);
  }
  const match = WHOLE.exec(`${domain}/${remainder}`);
  if (match === null) throw invalidArgument('invalid reference format');
  const [, host = '', path = '', tag, digest] = match;
  if (path.length > MAX_PATH) {
    throw invalidArgument(`repository name must not be more than ${MAX_PATH} characters`);
  }
  if (digest !== undefined && !isDigest(digest)) throw invalidArgument('invalid checksum digest format');
  return { name: `${host}/${path}`, tag, digest };
}

/** What stands before the first slash is a host if it looks like one. */
function splitDomain(text: string): [domain: string, remainder: string] {
  const slash = text.indexOf('/');
  if (slash === -1) return [DEFAULT_DOMAIN, OFFICIAL + text];
  const first = text.slice(0, slash);
  const rest = text.slice(slash + 1);
  const isHost = first === 'localhost' || /[.:]/.test(first) || first.toLowerCase() !== first;
  const domain = first === LEGACY_DOMAIN ? DEFAULT_DOMAIN : isHost ? first : DEFAULT_DOMAIN;
  const remainder = isHost ? rest : text;
  return [domain, domain === DEFAULT_DOMAIN && !remainder.includes('/') ? OFFICIAL + remainder : remainder];
}

/** With the tag `latest` when it has neither tag nor digest. */
export const withDefaultTag = (reference: Reference): Reference =>
  reference.tag === undefined && reference.digest === undefined ? { ...reference, tag: 'latest' } : reference;

/** `docker.io/library/busybox:latest`: the key under which a name is stored. */
export const complete = ({ name, tag, digest }: Reference): string =>
  `${name}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;

/** As docker prints it: `busybox:latest`, `user/app:1`, `localhost:5000/a/b:1`. */
export const familiar = (reference: Reference): string =>
  complete({ ...reference, name: familiarName(reference.name) });

/** The repository's part of it: `busybox`. */
export function familiarName(name: string): string {
  if (!name.startsWith(`${DEFAULT_DOMAIN}/`)) return name;
  const path = name.slice(DEFAULT_DOMAIN.length + 1);
  const official = path.startsWith(OFFICIAL) ? path.slice(OFFICIAL.length) : path;
  return official.includes('/') ? path : official;
}

/** What clients write where an image is asked for: a full id, or a name, which may turn out to be the beginning of an id. */
export type AnyReference =
  { readonly kind: 'id'; readonly id: Digest } | { readonly kind: 'name'; readonly reference: Reference };

export function parseAnyReference(text: string): AnyReference {
  if (HEX_ID.test(text)) return { kind: 'id', id: `sha256:${text}` as Digest };
  if (isDigest(text)) return { kind: 'id', id: text };
  return { kind: 'name', reference: parseReference(text) };
}
