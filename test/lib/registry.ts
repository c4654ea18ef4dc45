import type { ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { freePort } from './free-port.ts';
import { ended, eventually, exec, execOk, start } from './process.ts';

export interface RegistryOptions {
  /** Asks for the name `user` and the password `secret`; or the section `auth` of its configuration, whose files are in `work`. */
  readonly auth?: 'password' | ((work: string) => Promise<string>);
  /** With a certificate of its own authority, `certificates` has it. */
  readonly tls?: boolean;
  /** Any that is free, unless told. */
  readonly port?: number;
  /** 127.0.0.1, unless told: only what is not of this machine needs TLS. */
  readonly address?: string;
  /** Serves in the network namespace of this process, not in the own one. */
  readonly netnsPid?: number;
}

export interface Registry extends AsyncDisposable {
  /** `127.0.0.1:1234`. */
  readonly host: string;
  /** A directory of its own. */
  readonly work: string;
  /** As docker's `certs.d`. */
  readonly certificates: string;
  /** Serves the same content at the same address in another network namespace too. */
  readonly serveIn: (netnsPid: number) => Promise<void>;
}

/** Of `secret`, for the user `user`: bcrypt, which is all that the registry takes. */
const HTPASSWD = 'user:$2b$04$rhtmCWt3cMSUvj1bpgb3nuWTmDD7pOwBS5QW6JLrlMB0kH27.0ABS\n';

/** Debian's docker-registry; ends with the test. */
export async function startRegistry(t: TestContext, options: RegistryOptions = {}): Promise<Registry> {
  const registry = await openRegistry(options);
  t.after(() => registry[Symbol.asyncDispose]());
  return registry;
}

/** Debian's docker-registry, until it is disposed of. */
export async function openRegistry(options: RegistryOptions = {}): Promise<Registry> {
  await using stack = new AsyncDisposableStack();
  const work = await mkdtemp('/tmp/registry-');
  stack.defer(() => rm(work, { recursive: true, force: true }));
  const port = options.port ?? (await freePort());
  const { address = '127.0.0.1' } = options;
  const host = `${address}:${port}`;
  const certificates = join(work, 'certs.d');
  const config = join(work, 'config.yml');
  const tls = options.tls === true ? await tlsOf({ work, certificates, host }) : '';
  const lines = [
    'version: 0.1',
    'log: {level: error}',
    `storage: {filesystem: {rootdirectory: ${work}/data}, delete: {enabled: true}}`,
    `http: {addr: "${host}"${tls}}`,
    ...(options.auth === undefined ? [] : [await authOf(work, options.auth)]),
  ];
  await writeFile(config, lines.join('\n'));
  const running = stack.use(new Children());
  const serve = async (...enter: readonly string[]): Promise<void> => {
    running.add(start([...enter, 'docker-registry', 'serve', config], { stdio: 'ignore' }));
    const probe = [...enter, 'bash', '-c', `</dev/tcp/${address}/${port}`];
    await eventually('the registry answers', async () => (await exec(probe)).code === 0);
  };
  const serveIn = (pid: number): Promise<void> => serve('nsenter', `--net=/proc/${pid}/ns/net`, '--');
  await (options.netnsPid === undefined ? serve() : serveIn(options.netnsPid));
  const owned = stack.move();
  return {
    ...{ host, work, certificates, serveIn },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

class Children {
  readonly #running: { readonly child: ChildProcess; readonly end: Promise<number> }[] = [];

  /** Its end is asked for at once: whoever takes down a namespace ends it too. */
  add(child: ChildProcess): void {
    this.#running.push({ child, end: ended(child) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { child } of this.#running) child.kill('SIGKILL');
    await Promise.all(this.#running.map(({ end }) => end));
  }
}

async function tlsOf(at: { work: string; certificates: string; host: string }): Promise<string> {
  const directory = join(at.certificates, at.host);
  await mkdir(directory, { recursive: true });
  await execOk([
    ...['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
    ...['-subj', '/CN=registry', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'],
    ...['-keyout', `${at.work}/host.key`, '-out', `${directory}/ca.crt`],
  ]);
  return `, tls: {certificate: "${directory}/ca.crt", key: "${at.work}/host.key"}`;
}

async function authOf(work: string, auth: NonNullable<RegistryOptions['auth']>): Promise<string> {
  if (auth !== 'password') return auth(work);
  await writeFile(`${work}/htpasswd`, HTPASSWD);
  return `auth: {htpasswd: {realm: test, path: "${work}/htpasswd"}}`;
}
