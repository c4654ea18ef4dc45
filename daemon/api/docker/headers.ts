import { API_VERSION, ENGINE_VERSION } from './versions.ts';

/** On every answer: clients take the platform and the version to speak from them. */
export const commonHeaders = {
  'Api-Version': API_VERSION,
  'Docker-Experimental': 'false',
  Ostype: 'linux',
  Server: `Docker/${ENGINE_VERSION} (linux)`,
} as const;
