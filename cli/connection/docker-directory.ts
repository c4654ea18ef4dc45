import { homedir } from 'node:os';
import { join } from 'node:path';
import { env } from 'node:process';

/** Docker's directory of settings, shared with its client. */
export const configDirectory = (): string => env['DOCKER_CONFIG'] || join(homedir(), '.docker');

/** The name of the context that stands for flags and environment. */
export const DEFAULT_CONTEXT = 'default';
