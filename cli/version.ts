import { arch } from 'node:process';

/** The newest Engine API that this client was written for. */
export const API_VERSION = '1.51';

/** Go's name of the processor, as docker's clients print it. */
export const ARCHITECTURE = arch === 'x64' ? 'amd64' : arch;
