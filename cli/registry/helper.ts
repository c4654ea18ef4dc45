// oxlint-disable-next-line no-restricted-imports -- a credential helper is the user's own program, spoken to as docker does.
import { spawn } from 'node:child_process';
import { messageOf, WherryError } from '../../common/errors.ts';

const TIMEOUT_MS = 60_000;
/** What helpers say where they know nothing of a server (docker-credential-helpers, credentials/error.go). */
const NOT_FOUND = /credentials not found in native keychain/;

export interface HelperCredentials {
  readonly Username: string;
  readonly Secret: string;
}

/** `docker-credential-<name> get`; undefined when it has nothing for the server. */
export async function helperGet(name: string, server: string): Promise<HelperCredentials | undefined> {
  const { code, output } = await call(name, 'get', server);
  if (code !== 0) {
    if (NOT_FOUND.test(output)) return undefined;
    throw failed(name, 'get', output);
  }
  try {
    return JSON.parse(output) as HelperCredentials;
  } catch {
    // What it said may be a secret.
    throw failed(name, 'get', 'its answer is no JSON');
  }
}

export async function helperStore(
  name: string,
  server: string,
  credentials: HelperCredentials,
): Promise<void> {
  const { code, output } = await call(name, 'store', JSON.stringify({ ServerURL: server, ...credentials }));
  if (code !== 0) throw failed(name, 'store', output);
}

/** What it does not know is erased already. */
export async function helperErase(name: string, server: string): Promise<void> {
  const { code, output } = await call(name, 'erase', server);
  if (code !== 0 && !NOT_FOUND.test(output)) throw failed(name, 'erase', output);
}

const failed = (name: string, verb: string, why: string): WherryError =>
  new WherryError('internal', `error during ${verb} of docker-credential-${name}: ${why.trim()}`);

/** Secrets go through stdin and stdout only. */
function call(name: string, verb: string, input: string): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(`docker-credential-${name}`, [verb], {
      stdio: ['pipe', 'pipe', 'inherit'],
      timeout: TIMEOUT_MS,
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.stdin.on('error', () => undefined);
    child.on('error', (error) => reject(failed(name, verb, messageOf(error))));
    child.on('close', (code) => resolve({ code, output }));
    child.stdin.end(input);
  });
}
