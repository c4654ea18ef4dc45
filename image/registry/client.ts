import { VERSION } from '../../common/version.ts';
import type { BlobLimits } from './blob.ts';
import type { RegistryClient, RegistryHosts } from './contract.ts';
import { logIn } from './login.ts';
import { openRepository } from './repository.ts';
import { searchFor } from './search.ts';
import { openSession, type Session } from './session.ts';
import { makeTokens } from './tokens.ts';
import { makeTransport } from './transport.ts';

export interface RegistryClientOptions {
  readonly hosts: RegistryHosts;
  readonly limits?: Partial<BlobLimits>;
  /** How long the head of an answer may take. */
  readonly headTimeoutMs?: number;
}

export interface ClosableClient extends RegistryClient {
  /** Ends idle connections. */
  close(): void;
}

/** Docker tries a download five times; `max-download-attempts`. */
const LIMITS: BlobLimits = {
  attempts: 5,
  backoffMs: 250,
  longestWaitMs: 60_000,
  minBytesPerSecond: 1024,
  windowMs: 30_000,
};
const HEAD_TIMEOUT_MS = 30_000;

/** A client of registries; also in a worker, since all that it needs is plain data. */
export function makeRegistryClient(options: RegistryClientOptions): ClosableClient {
  const { hosts, headTimeoutMs = HEAD_TIMEOUT_MS } = options;
  const limits = { ...LIMITS, ...options.limits };
  const transport = makeTransport({ userAgent: `wherry/${VERSION}`, headTimeoutMs });
  const parts = { hosts, transport, tokens: makeTokens(transport) };
  return {
    repository: (name, access, credentials) => {
      const slash = name.indexOf('/');
      const scopes = [`repository:${name.slice(slash + 1)}:${access === 'push' ? 'pull,push' : 'pull'}`];
      const open = async (): Promise<readonly Session[]> => {
        const endpoints = await hosts.endpoints(name.slice(0, slash));
        return endpoints
          .filter(({ mirror }) => access === 'pull' || !mirror)
          .map((endpoint) => openSession({ ...parts, endpoint, scopes, credentials }));
      };
      let opened: Promise<readonly Session[]> | undefined;
      return openRepository({ name, limits, sessions: () => (opened ??= open()) });
    },
    login: (ctx, host, credentials) => logIn(ctx, parts, { host, credentials }),
    search: (ctx, request) => searchFor(ctx, parts, request),
    close: () => transport.close(),
  };
}
