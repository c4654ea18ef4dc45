import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../common/atomic-file.ts';
import type { Ctx } from '../common/ctx.ts';
import { invalidArgument, messageOf, WherryError } from '../common/errors.ts';
import type { Log } from '../common/log.ts';
import { newId } from '../common/ids.ts';
import { sendDatagram } from '../native/sys/notify.ts';
import { checkHost, type Check } from './check.ts';
import type { DaemonConfig } from './config.ts';

/** Throws `unavailable` that names everything that this host lacks. */
export async function requireHost(): Promise<readonly Check[]> {
  const checks = await checkHost();
  const missing = checks.filter(({ state }) => state === 'missing');
  if (missing.length === 0) return checks;
  const list = missing.map(({ name, detail }) => `${name} (${detail})`).join('; ');
  throw new WherryError('unavailable', `wherryd cannot run on this host, it lacks: ${list}`);
}

/** Directories of the daemon: reachable, since sockets are below, but not listable for others. */
export async function makeRoots({ dataRoot, execRoot }: DaemonConfig): Promise<void> {
  await mkdir(dataRoot, { recursive: true, mode: 0o711 });
  await mkdir(execRoot, { recursive: true, mode: 0o711 });
}

/** The path of the database, made for root alone: it holds containers' environments. SQLite gives its other files the same mode. */
export async function databasePath(dataRoot: string, name = 'meta.db'): Promise<string> {
  const path = join(dataRoot, name);
  await using file = await open(path, 'a', 0o600);
  await file.chmod(0o600);
  return path;
}

/** The daemon's id, made once for a data root. */
export async function engineId(dataRoot: string): Promise<string> {
  const path = `${dataRoot}/engine-id`;
  const known = await readFile(path, 'utf8').catch(() => '');
  if (known.trim() !== '') return known.trim();
  const id = newId();
  await writeFileAtomic(path, `${id}\n`);
  return id;
}

/** Text of the profile that `seccomp-profile` names; `unconfined` and undefined (the built-in one) pass. */
export async function seccompProfile(path: string | undefined): Promise<string | undefined> {
  if (path === undefined || path === 'unconfined') return path;
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw invalidArgument(`Cannot read the seccomp profile "${path}": ${messageOf(error)}`, { cause: error });
  }
}

/** Writes the process id; what it returns takes the file away. */
export async function writePidfile(path: string): Promise<AsyncDisposable> {
  await writeFileAtomic(path, `${process.pid}\n`, 0o644);
  return { [Symbol.asyncDispose]: () => rm(path, { force: true }) };
}

/** Tells systemd (man 3 sd_notify) when `NOTIFY_SOCKET` is set; a failure is only logged. */
export function notify(log: Log, state: 'READY=1' | 'RELOADING=1' | 'STOPPING=1'): void {
  const path = process.env['NOTIFY_SOCKET'];
  if (path === undefined || path === '') return;
  try {
    sendDatagram(path, state);
  } catch (error) {
    log.warn('Cannot notify the service manager', { error });
  }
}

/** Resolves with the name of the first signal that asks for the end. */
export function askedToStop(ctx: Ctx): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        ctx.log.info('Shutting down, containers go on', { signal });
        resolve(signal);
      });
    }
  });
}

/** SIGHUP asks for what is told here, later; one that comes while the last is at work is done after it. Until then it is remembered. */
export function onHangUp(): { serve(work: () => Promise<void>): void } {
  let [asked, busy] = [false, false];
  let work: (() => Promise<void>) | undefined;
  const next = async (): Promise<void> => {
    if (busy || work === undefined) return;
    busy = true;
    for (; asked;) {
      asked = false;
      await work();
    }
    busy = false;
  };
  process.on('SIGHUP', () => {
    asked = true;
    void next();
  });
  return {
    serve: (what) => {
      work = what;
      void next();
    },
  };
}
