import type { Daemon } from '../http/daemon.ts';
import { parseJson } from '../format/json.ts';
import { containerPath } from '../commands/each.ts';
import { jsonLines } from '../http/progress.ts';

/** What docker's inspect tells, as far as it explains a state. */
export interface Inspected {
  readonly Id: string;
  readonly Name: string;
  readonly Created: string;
  readonly Path: string;
  readonly RestartCount: number;
  /** What is being done with it, and what has to wait for that. */
  readonly Operation?: OperationInfo;
  readonly QueuedOperations?: readonly OperationInfo[];
  readonly State: {
    readonly Status: string;
    readonly OOMKilled: boolean;
    readonly ExitCode: number;
    readonly Error: string;
    readonly StartedAt: string;
    readonly FinishedAt: string;
    readonly Health?: HealthState;
  };
  readonly HostConfig: {
    readonly Memory: number;
    readonly AutoRemove: boolean;
    readonly RestartPolicy: { readonly Name: string; readonly MaximumRetryCount: number };
  };
}

export interface OperationInfo {
  readonly Name: string;
  readonly Since: string;
  readonly WaitsFor: string;
}

export interface HealthState {
  readonly Status: string;
  readonly FailingStreak: number;
  readonly Log:
    readonly { readonly Start: string; readonly ExitCode: number; readonly Output: string }[] | null;
}

/** `GET /wherry/containers/{id}/state`: what docker's inspect has no field for. */
export interface Inner {
  /** The engine's own name of the state: `starting`, `restarting`, `removing` ... */
  readonly Kind: string;
  /** When its policy starts it again; empty unless it waits for that. */
  readonly RestartAt: string;
}

/** One event of the journal about the container. */
export interface Happening {
  readonly action: string;
  readonly atMs: number;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface Facts {
  readonly container: Inspected;
  readonly inner: Inner;
  /** Oldest first. */
  readonly journal: readonly Happening[];
  readonly nowMs: number;
}

/** Asks the daemon for all of it. Throws `not-found` for an unknown container. */
export async function gather(daemon: Daemon, name: string): Promise<Facts> {
  const json = async (path: string): Promise<unknown> =>
    JSON.parse(await (await daemon.send({ method: 'GET', path })).text());
  const container = (await json(containerPath(name, '/json'))) as Inspected;
  const inner = (await json(`/wherry${containerPath(container.Id, '/state')}`)) as Inner;
  return { container, inner, journal: await readJournal(daemon, container), nowMs: Date.now() };
}

async function readJournal(daemon: Daemon, { Id, Created }: Inspected): Promise<Happening[]> {
  const { body } = await daemon.send({
    method: 'GET',
    path: '/events',
    query: {
      since: Math.floor(Date.parse(Created) / 1000),
      until: Math.ceil(Date.now() / 1000),
      filters: JSON.stringify({ container: [Id], type: ['container'] }),
    },
  });
  const journal: Happening[] = [];
  for await (const line of jsonLines(body)) {
    const { Action, Actor, timeNano } = parseJson(line) as {
      Action: string;
      Actor: { Attributes: Record<string, string> | null };
      timeNano: bigint | number;
    };
    const atMs = Number(BigInt(timeNano) / 1_000_000n);
    journal.push({ action: Action, atMs, attributes: Actor.Attributes ?? {} });
  }
  return journal;
}
