import { rmSync } from 'node:fs';
import { open, rename, stat } from 'node:fs/promises';
import { isatty } from 'node:tty';
import { codeOf, invalidArgument } from '../../common/errors.ts';
import { fileError } from '../container/environment.ts';
import type { Answer, Daemon } from '../http/daemon.ts';
import { flushStandard, standardSinks } from '../stream/sinks.ts';

/** Throws docker's text when an archive would go to a terminal. */
export function refuseTerminal(output: string, verb: 'save' | 'export'): void {
  if (output !== '' || !isatty(1)) return;
  throw invalidArgument(
    verb === 'save'
      ? 'cowardly refusing to save to a terminal. Use the -o flag or redirect'
      : 'cowardly refusing to export to a terminal. Use the -o flag or redirect',
  );
}

/** Asks for an archive and writes it to stdout, or to a file that appears when it is whole. */
export async function receiveArchive(
  daemon: Daemon,
  request: Parameters<Daemon['send']>[0],
  output: string,
): Promise<void> {
  if (output !== '') await checkTarget(output);
  const answer = await daemon.send(request);
  if (output === '') await toStdout(answer);
  else await toFile(answer, output);
}

async function toStdout({ body }: Answer): Promise<void> {
  const { stdout } = standardSinks();
  for await (const bytes of body) await stdout.write(bytes);
  await flushStandard();
}

/** A directory, or a path in none, is told before anything is asked for. */
async function checkTarget(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() === true) throw invalidArgument(`failed to write to ${path}: it is a directory`);
}

/** A device or a pipe is written as it is. */
async function toFile({ body }: Answer, path: string): Promise<void> {
  const present = await stat(path).catch(() => undefined);
  const special = present !== undefined && !present.isFile();
  const target = special ? path : `${path}.${process.pid}.partial`;
  try {
    await using file = await open(target, special ? 'w' : 'wx', 0o600);
    for await (const bytes of body) await file.writeFile(bytes);
    if (!special) await rename(target, path);
  } catch (error) {
    if (!special) rmSync(target, { force: true });
    throw codeOf(error) === 'internal' && 'errno' in (error as object)
      ? fileError('open', path, error)
      : error;
  }
}
