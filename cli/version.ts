import { arch } from 'node:process';

/** Of this program; the same as package.json's. */
export const VERSION = '0.1.0';

/** The newest Engine API that this client was written for. */
export const API_VERSION = '1.51';

/** Go's name of the processor, as docker's clients print it. */
export const ARCHITECTURE = arch === 'x64' ? 'amd64' : arch;
