import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { exec, execOk, start, type Result } from './process.ts';
import { openTerminal, type Terminal } from './pty.ts';
import { findProgram } from './requires.ts';

export type Client = 'docker' | 'wherry';
export const CLIENTS: readonly Client[] = ['docker', 'wherry'];

/** Absolute path of a program that `make` built. */
export const built = (name: string): string => fileURLToPath(new URL(`../../bin/${name}`, import.meta.url));

/** The command lines that speak to one daemon. */
export interface Clients {
  /** Runs a client to its end, whatever its exit code. */
  run(client: Client, ...args: string[]): Promise<Result>;
  /** The same; returns what it printed, throws when it fails. */
  runOk(client: Client, ...args: string[]): Promise<string>;
  docker(...args: string[]): Promise<Result>;
  dockerOk(...args: string[]): Promise<string>;
  wherry(...args: string[]): Promise<Result>;
  wherryOk(...args: string[]): Promise<string>;
  /** Starts a client and leaves it running, its streams as pipes. */
  spawn(client: Client, ...args: string[]): ChildProcess;
  /** Starts a client on a terminal of its own. */
  terminal(client: Client, ...args: string[]): Terminal;
  /** The whole command line. */
  argv(client: Client, ...args: string[]): string[];
}

/** `configDirectory`: docker's, empty, so that the user's own settings don't matter. */
export function makeClients(socket: string, configDirectory: string): Clients {
  const env = { ...process.env, DOCKER_CONFIG: configDirectory, DOCKER_HOST: '', DOCKER_CLI_HINTS: 'false' };
  const argv = (client: Client, ...args: string[]): string[] => {
    const program = client === 'docker' ? (findProgram('docker') ?? 'docker') : built('wherry');
    return [program, '-H', `unix://${socket}`, ...args];
  };
  const run = (client: Client, ...args: string[]): Promise<Result> => exec(argv(client, ...args), { env });
  const runOk = (client: Client, ...args: string[]): Promise<string> =>
    execOk(argv(client, ...args), { env });
  return {
    run,
    runOk,
    docker: (...args) => run('docker', ...args),
    dockerOk: (...args) => runOk('docker', ...args),
    wherry: (...args) => run('wherry', ...args),
    wherryOk: (...args) => runOk('wherry', ...args),
    spawn: (client, ...args) => start(argv(client, ...args), { env, stdio: 'pipe' }),
    terminal: (client, ...args) => openTerminal(argv(client, ...args), { env }),
    argv,
  };
}
