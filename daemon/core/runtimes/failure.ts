import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../../../common/errors.ts';
import { bundleFiles } from '../../../runtime/foreign/contract.ts';
import { EXEC_FAILED } from '../../../runtime/foreign/exec.ts';
import { CREATE_FAILED, START_FAILED } from '../../../runtime/foreign/launch.ts';
import { LaunchFailure } from '../containers/start-failure.ts';

const TASK = 'failed to create task for container: failed to create shim task: ';

/** What a client is told: what the runtime wrote into its log, in containerd's words. */
export async function runtimeFailure(error: unknown, bundle: string): Promise<LaunchFailure> {
  const message = messageOf(error);
  const verb = message.includes(START_FAILED) ? 'start' : 'create';
  const said = isTheirs(message) ? await readError(message, bundle) : message;
  return new LaunchFailure(error, `${TASK}OCI runtime ${verb} failed: ${said}: unknown`);
}

/** The same for an exec; what was no other runtime's failure has our own's words. */
export async function execLaunchFailure(error: unknown, directory: string): Promise<LaunchFailure> {
  const message = messageOf(error);
  if (!isTheirs(message)) return new LaunchFailure(error);
  return new LaunchFailure(error, `OCI runtime exec failed: ${await readError(message, directory)}: unknown`);
}

export const isTheirs = (message: string): boolean =>
  message.startsWith('fork/exec ') ||
  [CREATE_FAILED, START_FAILED, EXEC_FAILED].some((label) => message === `Cannot ${label}: EPROTO`);

/** What the runtime that ran in this directory said last of a failure; `otherwise` when it said nothing. */
export async function errorIn(directory: string, otherwise: string): Promise<string> {
  const text = await readFile(join(directory, bundleFiles.log), 'utf8').catch(() => '');
  return lastError(text) || otherwise;
}

async function readError(message: string, directory: string): Promise<string> {
  const log = join(directory, bundleFiles.log);
  const said = await readFile(log, 'utf8').then(lastError, (cause: NodeJS.ErrnoException) => {
    const why = cause.code === 'ENOENT' ? 'no such file or directory' : messageOf(cause);
    return `unable to retrieve OCI runtime error (open ${log}: ${why}): ${exitOf(message)}`;
  });
  return said === '' ? exitOf(message) : said;
}

const exitOf = (message: string): string =>
  message.startsWith('fork/exec ') ? message : 'the runtime ended with an error';

/** The last entry of that level; a line that is no entry is none. */
function lastError(text: string): string {
  const messages = text.split('\n').flatMap((line) => {
    try {
      const { level, msg } = JSON.parse(line) as { readonly level?: unknown; readonly msg?: unknown };
      return level === 'error' && typeof msg === 'string' ? [msg.trim()] : [];
    } catch {
      return [];
    }
  });
  return messages.at(-1) ?? '';
}
