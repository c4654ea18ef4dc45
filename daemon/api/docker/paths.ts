import { withoutVersion } from './versions.ts';

/** Endpoints under an image's or another name, which may itself hold slashes. */
const NAMED = /^\/(images|distribution|containers|exec|volumes|plugins|networks)\/(.+)$/;
const VERB = /\/(attach\/ws|[a-z]+)$/;
/** Paths whose last part is no name. */
const PLAIN =
  /^\/(images\/(json|load|create|get|search|prune)|(containers|volumes|networks|plugins)\/(create|json|prune|pull))$/;

/**
 * The path that the router sees: without the version prefix, and with the name as one segment
 * (`/v1.51/images/a/b:1/json` becomes `/images/a%2Fb:1/json`), since docker's clients don't escape slashes.
 */
export function routedUrl(method: string, url: string): string {
  const at = url.indexOf('?');
  const path = withoutVersion(at === -1 ? url : url.slice(0, at)).replaceAll(/\/{2,}/g, '/');
  const query = at === -1 ? '' : url.slice(at);
  return escapeName(method, path) + query;
}

function escapeName(method: string, path: string): string {
  const match = NAMED.exec(path);
  if (match === null || PLAIN.test(path)) return path;
  const [, kind = '', rest = ''] = match;
  const verb = method === 'DELETE' || kind === 'volumes' ? '' : (VERB.exec(rest)?.[0] ?? '');
  const name = rest.slice(0, rest.length - verb.length);
  return name.includes('/') ? `/${kind}/${name.replaceAll('/', '%2F')}${verb}` : path;
}

/** What a request whose connection is taken over asks for. */
export interface Hijack {
  readonly kind: 'attach' | 'attach-ws' | 'exec-start';
  readonly name: string;
}

const HIJACKED = /^(?:\/v[0-9.]+)?\/+(?:(containers)\/+([^?]+?)\/attach|(exec)\/+([^?]+?)\/start)(?:\?|$)/;

/** Whether a request turns its connection into a raw stream: attach and exec start do, with an Upgrade header or without. */
export function hijackOf(method: string | undefined, url: string | undefined): Hijack | undefined {
  if (method === 'GET') return websocketOf(url);
  if (method !== 'POST') return undefined;
  const [, containers, container = '', , exec = ''] = HIJACKED.exec(url ?? '') ?? [];
  return containers === undefined ? named('exec-start', exec) : named('attach', container);
}

/** Undefined for a name that is no URI: the router refuses it. The HTTP parser asks, and an error there would be the daemon's end. */
function named(kind: Hijack['kind'], escaped: string): Hijack | undefined {
  if (escaped === '') return undefined;
  try {
    return { kind, name: decodeURIComponent(escaped) };
  } catch {
    return undefined;
  }
}

const WEBSOCKET = /^(?:\/v[0-9.]+)?\/+containers\/+([^?]+?)\/attach\/ws(?:\?|$)/;

/** Only with an Upgrade header; without one it is an ordinary request, that is refused. */
function websocketOf(url: string | undefined): Hijack | undefined {
  return named('attach-ws', WEBSOCKET.exec(url ?? '')?.[1] ?? '');
}
