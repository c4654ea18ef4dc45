import { authsOf, helperOf, readConfigFile, type StoredAuth, writeConfigFile } from './config-file.ts';
import { helperErase, helperGet, helperStore } from './helper.ts';
import { hostOf, registryOf, serverKey } from './names.ts';

/** Docker's AuthConfig, as the daemon takes it. */
export interface AuthConfig {
  readonly username?: string;
  readonly password?: string;
  readonly identitytoken?: string;
  readonly registrytoken?: string;
  readonly serveraddress: string;
}

/** What a helper calls a user who has an identity token instead of a password. */
const TOKEN_USER = '<token>';

/** The header for a request about this repository. */
export async function registryHeaders(repository: string): Promise<Record<string, string>> {
  const auth = await readCredentials(serverKey(registryOf(repository)));
  const json = JSON.stringify(auth ?? {});
  return { 'X-Registry-Auth': Buffer.from(json).toString('base64url') };
}

/** What is kept for a server, by a helper or in the file; undefined: nothing. */
export async function readCredentials(server: string): Promise<AuthConfig | undefined> {
  const file = readConfigFile();
  const helper = helperOf(file, server);
  if (helper !== undefined) {
    const found = await helperGet(helper, server);
    if (found === undefined) return undefined;
    return found.Username === TOKEN_USER
      ? { identitytoken: found.Secret, serveraddress: server }
      : { username: found.Username, password: found.Secret, serveraddress: server };
  }
  const auths = authsOf(file);
  const key = Object.hasOwn(auths, server)
    ? server
    : Object.keys(auths).find((known) => hostOf(known) === hostOf(server));
  return key === undefined ? undefined : decode(auths[key] ?? {}, server);
}

function decode(stored: StoredAuth, server: string): AuthConfig {
  const [username, password] = pairOf(stored);
  return {
    ...(username === '' ? {} : { username, password }),
    ...(stored.identitytoken ? { identitytoken: stored.identitytoken } : {}),
    ...(stored.registrytoken ? { registrytoken: stored.registrytoken } : {}),
    serveraddress: server,
  };
}

function pairOf({ auth, username = '', password = '' }: StoredAuth): [username: string, password: string] {
  if (!auth) return [username, password];
  const text = Buffer.from(auth, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon === -1 ? ['', ''] : [text.slice(0, colon), text.slice(colon + 1).replace(/\0+$/, '')];
}

/** Keeps them where the configuration says; returns the file's path when they are in it, readable by whoever reads it. */
export async function storeCredentials(auth: AuthConfig): Promise<string | undefined> {
  const file = readConfigFile();
  const server = auth.serveraddress;
  const helper = helperOf(file, server);
  const token = auth.identitytoken ?? '';
  if (helper !== undefined) {
    await helperStore(helper, server, {
      Username: token === '' ? (auth.username ?? '') : TOKEN_USER,
      Secret: token === '' ? (auth.password ?? '') : token,
    });
    writeConfigFile({ ...file, content: { ...file.content, auths: { ...authsOf(file), [server]: {} } } });
    return undefined;
  }
  const auths = { ...authsOf(file), [server]: encode(auth) };
  writeConfigFile({ ...file, content: { ...file.content, auths } });
  return file.path;
}

function encode({ username = '', password = '', identitytoken = '' }: AuthConfig): StoredAuth {
  const pair = `${username}:${identitytoken === '' ? password : ''}`;
  return {
    auth: Buffer.from(pair).toString('base64'),
    ...(identitytoken === '' ? {} : { identitytoken }),
  };
}

/** Whether anything is kept for any server, as far as the file tells. */
export const hasCredentials = (): boolean => knownServers().length > 0;

/** What is kept for all servers, as the file has it, whoever keeps it. */
export async function storedCredentials(): Promise<Readonly<Record<string, StoredAuth>>> {
  const found = await Promise.all(
    knownServers().map(async (server) => {
      const auth = await readCredentials(server);
      return auth === undefined ? [] : [[server, encode(auth)] as const];
    }),
  );
  return Object.fromEntries(found.flat());
}

function knownServers(): string[] {
  const file = readConfigFile();
  const helpers = file.content['credHelpers'] ?? {};
  return [...new Set([...Object.keys(authsOf(file)), ...Object.keys(helpers)])].toSorted();
}

/** Forgets what is kept for a server, in every form of its name; whether there was anything. */
export async function eraseCredentials(server: string): Promise<boolean> {
  const file = readConfigFile();
  const auths = authsOf(file);
  const gone = Object.keys(auths).filter((known) => known === server || hostOf(known) === hostOf(server));
  const helper = helperOf(file, server);
  if (helper !== undefined) await helperErase(helper, server);
  if (gone.length > 0) {
    const rest = Object.entries(auths).filter(([known]) => !gone.includes(known));
    writeConfigFile({ ...file, content: { ...file.content, auths: Object.fromEntries(rest) } });
  }
  return gone.length > 0 || helper !== undefined;
}
