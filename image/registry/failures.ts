import { messageOf, WherryError, type Code } from '../../common/errors.ts';
import { plain, readAll, type Incoming } from './transport.ts';

const MAX_ERROR_BYTES = 64 * 1024;
const MAX_SHOWN = 300;
const MAX_SAID = 1000;

/** What a registry's answer says went wrong (distribution-spec, "Error Codes"). */
export class RegistryFailure extends WherryError {
  readonly status: number;
  /** `MANIFEST_UNKNOWN`, `DENIED`; empty where the body names none. */
  readonly reason: string;
  /** How long the registry asks to wait. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: Code,
    message: string,
    about: { readonly status: number; readonly reason: string; readonly retryAfterMs: number | undefined },
  ) {
    super(code, message);
    this.status = about.status;
    this.reason = about.reason;
    this.retryAfterMs = about.retryAfterMs;
  }
}

/** The registry has answered, and its server of tokens has not. */
export class TokenFailure extends WherryError {}

/**
 * A registry that answers is asked once: what else its host listens on is another server, and its word would hide the first one's, or
 * get what was meant for that in the clear.
 */
export const hasAnswered = (error: unknown, endpoint: { readonly mirror: boolean }): boolean =>
  (error instanceof RegistryFailure || error instanceof TokenFailure) && !endpoint.mirror;

/** Reads an answer that is none of those expected. The text is the registry's as docker prints it: `denied: requested access ...`. */
export async function failureOf(answer: Incoming): Promise<RegistryFailure> {
  const { status } = answer;
  const text = await readAll(answer, MAX_ERROR_BYTES)
    .then(String)
    .catch((error: unknown) => messageOf(error));
  // Its body only repeats that there is no authorisation.
  const errors = isTooNarrow(answer) ? [{ code: 'DENIED', message: DENIED }] : errorsOf(text);
  const [first] = errors;
  const said = errors.map(({ code, message }) => `${code.toLowerCase().replaceAll('_', ' ')}: ${message}`);
  const shown = text.trim().slice(0, MAX_SHOWN);
  const message =
    said.length > 0
      ? harmless(said.join('; ')).slice(0, MAX_SAID)
      : `received unexpected HTTP status: ${status} from "${plain(answer.url)}"${shown === '' ? '' : `: ${harmless(shown)}`}`;
  return new RegistryFailure(codeOf(status), message, {
    status,
    reason: first?.code ?? '',
    retryAfterMs: retryAfterMs(answer.headers['retry-after']),
  });
}

/** What docker makes of a token that does not cover what was asked for (RFC 6750, section 3.1). */
const isTooNarrow = ({ headers }: Incoming): boolean =>
  /\berror="?insufficient_scope\b/.test(headers['www-authenticate'] ?? '');
const DENIED = 'requested access to the resource is denied';

/** A registry's words end up on terminals. */
// oxlint-disable-next-line no-control-regex
const harmless = (text: string): string => text.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, ' ');

function codeOf(status: number): Code {
  if (status === 401 || status === 403) return 'permission-denied';
  if (status === 404) return 'not-found';
  if (status === 429 || status >= 500) return 'unavailable';
  return 'invalid-argument';
}

function errorsOf(text: string): { readonly code: string; readonly message: string }[] {
  try {
    const { errors } = JSON.parse(text) as { errors?: unknown };
    if (!Array.isArray(errors)) return [];
    return (errors as { code?: unknown; message?: unknown }[]).flatMap(({ code, message }) =>
      typeof code === 'string'
        ? [{ code, message: typeof message === 'string' && message !== '' ? message : code.toLowerCase() }]
        : [],
    );
  } catch {
    return [];
  }
}

/** Seconds, or a date (RFC 9110, section 10.2.3). */
function retryAfterMs(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

/** Docker's words for a pull that the registry refuses. `shown` is the familiar name with its tag or digest. */
export function pullFailure(
  error: unknown,
  { shown, repository }: { shown: string; repository: string },
): unknown {
  if (!(error instanceof RegistryFailure)) return error;
  const { reason, status, message } = error;
  if (reason === 'MANIFEST_UNKNOWN' || (reason === '' && status === 404))
    return new WherryError('not-found', `manifest for ${shown} not found: ${message}`, { cause: error });
  if (reason === 'NAME_UNKNOWN')
    return new WherryError('not-found', `repository ${repository} not found: ${message}`, { cause: error });
  if (reason === 'DENIED')
    return new WherryError(
      'not-found',
      `pull access denied for ${repository}, repository does not exist or may require 'docker login': ${message}`,
      { cause: error },
    );
  return error;
}
