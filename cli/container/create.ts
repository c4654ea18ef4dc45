import { closeSync, existsSync, openSync, rmSync, writeSync } from 'node:fs';
import { codeOf, invalidArgument } from '../../common/errors.ts';
import type { Values } from '../../common/flags/flag.ts';
import type { Call } from '../command.ts';
import type { Daemon } from '../http/daemon.ts';
import { printError } from '../output.ts';
import { createBody, type CreateBody } from './config.ts';
import { fileError } from './environment.ts';
import type { CreateFlags } from './flags.ts';
import { withProxies } from './proxies.ts';

const PULL = ['always', 'missing', 'never'];

/** The request of `run` and `create`, with what config.json adds to it. Throws `invalid-argument` for flags that can't be followed. */
export async function readCreate({ flags, changed, args, client }: Call<CreateFlags>): Promise<CreateBody> {
  const [image = '', ...command] = args;
  checkPull(flags.pull);
  const body = withProxies(createBody({ flags, changed, image, command }), client);
  if (!flags['use-api-socket']) return body;
  const { withApiSocket } = await import('./api-socket.ts');
  return withApiSocket(body, client);
}

/** Throws when `--pull` has no value that docker knows. */
function checkPull(pull: string): void {
  if (!PULL.includes(pull)) {
    throw invalidArgument(`invalid pull option: '${pull}': must be one of "always", "missing" or "never"`);
  }
}

/**
 * Creates the container and returns its id. A missing image is pulled first if `--pull` allows it. Prints warnings, writes
 * `--cidfile`; that file is removed again if there is no container.
 */
export async function createContainer(
  daemon: Daemon,
  flags: Values<CreateFlags>,
  body: CreateBody,
): Promise<string> {
  using cidfile = openCidfile(flags.cidfile);
  if (flags.pull === 'always') await pull(daemon, flags, body.Image);
  const request = {
    method: 'POST',
    path: '/containers/create',
    query: { name: flags.name || undefined, platform: flags.platform || undefined },
    json: body,
  } as const;
  const answer = await daemon.send(request).catch(async (error: unknown) => {
    if (codeOf(error) !== 'not-found' || flags.pull !== 'missing') throw error;
    if (!flags.quiet) printError(`Unable to find image '${withTag(body.Image)}' locally\n`);
    await pull(daemon, flags, body.Image).catch((failure: unknown) => {
      // A daemon that can't pull says so; that the image is missing tells the user more.
      throw codeOf(failure) === 'not-implemented' || codeOf(failure) === 'not-found' ? error : failure;
    });
    return daemon.send(request);
  });
  const { Id, Warnings } = JSON.parse(await answer.text()) as {
    Id: string;
    Warnings: readonly string[] | null;
  };
  for (const warning of Warnings ?? []) printError(`WARNING: ${warning}\n`);
  cidfile.write(Id);
  if (flags['use-api-socket']) {
    const { giveCredentials } = await import('./api-socket.ts');
    await giveCredentials(daemon, Id, body);
  }
  return Id;
}

async function pull(daemon: Daemon, flags: Values<CreateFlags>, image: string): Promise<void> {
  const { pullImage } = await import('../registry/pull.ts');
  const { platform, quiet } = flags;
  await pullImage(daemon, image, { allTags: false, platform, quiet, write: printError });
}

/** The reference with `:latest` where it names neither tag nor digest. */
export const withTag = (image: string): string => (/[@:][^/]*$/.test(image) ? image : `${image}:latest`);

function openCidfile(path: string): Disposable & { write(id: string): void } {
  if (path === '') return { write: () => undefined, [Symbol.dispose]: () => undefined };
  if (existsSync(path)) {
    throw invalidArgument(
      `container ID file found, make sure the other container isn't running or delete ${path}`,
    );
  }
  const fd = open(path);
  let written = false;
  return {
    write: (id) => {
      writeSync(fd, id);
      written = true;
    },
    [Symbol.dispose]: () => {
      closeSync(fd);
      if (!written) rmSync(path, { force: true });
    },
  };
}

function open(path: string): number {
  try {
    return openSync(path, 'wx');
  } catch (error) {
    throw invalidArgument(
      `failed to create the container ID file: ${fileError('open', path, error).message}`,
    );
  }
}
