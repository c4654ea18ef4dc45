import { readFileSync } from 'node:fs';
import { isatty } from 'node:tty';
import { codeOf, invalidArgument } from '../../common/errors.ts';
import { bool, text } from '../../common/flags/flag.ts';
import { type Call, defineCommand } from '../command.ts';
import type { Daemon } from '../http/daemon.ts';
import { print, printError } from '../output.ts';
import { type AuthConfig, readCredentials, storeCredentials } from '../registry/credentials.ts';
import { hostOf, HUB, serverKey } from '../registry/names.ts';
import { ask } from '../registry/prompt.ts';

const flags = {
  password: text('Password or personal access token', { short: 'p' }),
  'password-stdin': bool('Take the password from STDIN'),
  username: text('User name', { short: 'u' }),
};

export const login = defineCommand({
  usage: '[OPTIONS] [SERVER]',
  flags,
  arity: [0, 1],
  run: async (call) => {
    const [given = ''] = call.args;
    const server = given === '' ? HUB : serverKey(hostOf(given));
    const password = givenPassword(call);
    const kept = call.flags.username === '' && password === '' ? await readCredentials(server) : undefined;
    if (kept !== undefined && (await succeedsWith(call.daemon, kept))) return 0;
    await logIn(call.daemon, await askFor(call, password, server));
    return 0;
  },
});

/** Docker's rules for the flags; a password's one line end is no part of it. */
function givenPassword({
  flags: { username, password, 'password-stdin': fromStdin },
  changed,
}: Call<typeof flags>): string {
  if (changed.has('password')) {
    printError('WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n');
    if (fromStdin) throw invalidArgument('--password and --password-stdin are mutually exclusive');
  }
  if (!fromStdin) return password;
  if (username === '') throw invalidArgument('Must provide --username with --password-stdin');
  return readFileSync(0, 'utf8').replace(/\r?\n$/, '');
}

async function succeedsWith(daemon: Daemon, kept: AuthConfig): Promise<boolean> {
  print('Authenticating with existing credentials...\n');
  try {
    await logIn(daemon, kept);
    return true;
  } catch (error) {
    if (codeOf(error) !== 'permission-denied') throw error;
    printError('Login did not succeed, error: the registry refused them\n');
    return false;
  }
}

async function askFor(
  { flags: given }: Call<typeof flags>,
  password: string,
  server: string,
): Promise<AuthConfig> {
  const complete = given.username !== '' && password !== '';
  if (!complete && !isatty(0)) {
    throw invalidArgument('Error: Cannot perform an interactive login from a non TTY device');
  }
  const username = given.username || (await ask('Username: '));
  if (username === '') throw invalidArgument('Error: Non-null Username Required');
  const secret = password || (await ask('Password: ', true));
  if (secret === '') throw invalidArgument('Error: Password Required');
  return { username, password: secret, serveraddress: server };
}

async function logIn(daemon: Daemon, auth: AuthConfig): Promise<void> {
  const answer = await daemon.send({ method: 'POST', path: '/auth', json: auth });
  const { Status, IdentityToken } = JSON.parse(await answer.text()) as {
    Status: string;
    IdentityToken?: string;
  };
  const path = await storeCredentials(IdentityToken ? { ...auth, identitytoken: IdentityToken } : auth);
  if (path !== undefined) {
    printError(`
WARNING! Your credentials are stored unencrypted in '${path}'.
Configure a credential helper to remove this warning. See
https://docs.docker.com/go/credential-store/

`);
  }
  print(`${Status}\n`);
}
